"""Every unit a quantity may be stated in, and how many base units it holds.

Base units are what meters count in: seconds, bytes, tokens, requests, characters. Sizes are binary, as they are billed
here: 1 KB is 1,024 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

__all__ = ["UNITS", "Unit", "find_unit"]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of measure.

    Attributes:
        name: The name it is written with, e.g. ``minutes``.
        base: Name of the base unit it is counted in, e.g. ``seconds``.
        factor: How many base units one unit holds.
    """

    name: str
    base: str
    factor: Decimal


UNITS: Final = tuple(
    Unit(name, base, Decimal(factor))
    for name, base, factor in (
        ("seconds", "seconds", 1),
        ("minutes", "seconds", 60),
        ("hours", "seconds", 3600),
        ("bytes", "bytes", 1),
        ("KB", "bytes", 1024),
        ("MB", "bytes", 1024**2),
        ("GB", "bytes", 1024**3),
        ("TB", "bytes", 1024**4),
        ("tokens", "tokens", 1),
        ("1K tokens", "tokens", 1000),
        ("requests", "requests", 1),
        ("characters", "characters", 1),
    )
)
"""All units, base units first within their kind."""

_OTHER_NAMES = {
    "s": "seconds",
    "sec": "seconds",
    "min": "minutes",
    "h": "hours",
    "b": "bytes",
    "kib": "KB",
    "mib": "MB",
    "gib": "GB",
    "tib": "TB",
}
_PLURAL = {unit.name.lower(): unit for unit in UNITS}
_SINGULAR = {name.removesuffix("s"): unit for name, unit in _PLURAL.items()}
_BY_NAME = _PLURAL | _SINGULAR | {other: _PLURAL[name.lower()] for other, name in _OTHER_NAMES.items()}


def find_unit(name: str) -> Unit | None:
    """The unit of that name, in any case, singular or plural, or abbreviated; None if there is no such unit."""
    return _BY_NAME.get(name.strip().lower())

"""What can be metered, and which meters are part of which.

Providers report inclusive numbers: 1,000 input tokens of which 400 came from the cache. The tree below says so once,
and :func:`split` uses it to charge every metered unit exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import UnknownPriceError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["METERS", "Meter", "base_unit", "split", "whole"]


@dataclass(frozen=True, slots=True)
class Meter:
    """One metered quantity.

    Attributes:
        name: The name in usage and in price rows.
        base: Base unit it counts in.
        parent: Name of the meter that already includes it; None for a meter that stands alone.
    """

    name: str
    base: str
    parent: str | None = None


METERS: Final[Mapping[str, Meter]] = {
    meter.name: meter
    for meter in (
        Meter("input_tokens", "tokens"),
        Meter("cached_input_tokens", "tokens", "input_tokens"),
        Meter("cache_write_input_tokens", "tokens", "input_tokens"),
        Meter("audio_input_tokens", "tokens", "input_tokens"),
        Meter("output_tokens", "tokens"),
        Meter("reasoning_output_tokens", "tokens", "output_tokens"),
        Meter("audio_output_tokens", "tokens", "output_tokens"),
        Meter("seconds", "seconds"),
        Meter("bytes", "bytes"),
        Meter("download_bytes", "bytes"),
        Meter("requests", "requests"),
        Meter("characters", "characters"),
    )
}
"""All meters by name. The tree has two levels: a part has no parts of its own."""

_ZERO = Decimal(0)


def split(quantities: Mapping[str, Decimal], priced: Collection[str]) -> dict[str, Decimal]:
    """Distribute inclusive quantities over the meters that have a price, each unit to exactly one.

    A part with its own price is taken out of its parent; a part without one stays in its parent and costs the same.
    Siblings are taken to be disjoint.

    Args:
        quantities: Meter name to quantity in base units, none negative.
        priced: Names of the meters that have a price.

    Returns:
        Quantity to charge for each priced meter that was metered.

    Raises:
        UnknownPriceError: A meter is unknown or has no price, or the numbers contradict each other.
    """
    rests = dict(quantities)
    for name, quantity in quantities.items():
        parent = _meter(name).parent
        if parent is None or not quantity:
            continue
        _require_within(name, quantity, parent, quantities.get(parent))
        if name in priced:
            rests[parent] -= quantity
        else:
            rests[name] = _ZERO
    for name, rest in rests.items():
        if rest < _ZERO:
            _raise_parts_exceed(name, quantities, priced)
        if rest and name not in priced:
            message = f"the price covers {_listing(priced)} but not {name}"
            raise UnknownPriceError(message)
    return {name: rest for name, rest in rests.items() if name in priced}


def whole(quantities: Mapping[str, Decimal], base: str) -> Decimal:
    """Sum of the meters that count in a base unit, parts not counted again; 0 if none does."""
    return sum(
        (
            quantity
            for name, quantity in quantities.items()
            if name in METERS and METERS[name].parent is None and METERS[name].base == base
        ),
        _ZERO,
    )


def base_unit(quantities: Mapping[str, Decimal]) -> str | None:
    """Base unit of the first known meter; None if no meter is known."""
    return next((METERS[name].base for name in quantities if name in METERS), None)


def _meter(name: str) -> Meter:
    meter = METERS.get(name)
    if meter is None:
        message = f"there is no meter {name!r}; known meters: {_listing(METERS)}"
        raise UnknownPriceError(message)
    return meter


def _require_within(name: str, quantity: Decimal, parent: str, parent_quantity: Decimal | None) -> None:
    if parent_quantity is None:
        message = f"{name} ({quantity}) is part of {parent}, which was not metered"
        raise UnknownPriceError(message)
    if quantity > parent_quantity:
        message = f"{name} ({quantity}) cannot exceed {parent} ({parent_quantity})"
        raise UnknownPriceError(message)


def _raise_parts_exceed(parent: str, quantities: Mapping[str, Decimal], priced: Collection[str]) -> None:
    parts = [
        f"{name} ({quantity})"
        for name, quantity in quantities.items()
        if METERS[name].parent == parent and name in priced
    ]
    message = f"{' and '.join(parts)} together cannot exceed {parent} ({quantities[parent]})"
    raise UnknownPriceError(message)


def _listing(names: Collection[str]) -> str:
    return ", ".join(sorted(names))

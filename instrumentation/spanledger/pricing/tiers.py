"""Service tiers: the same usage at another price, because it may wait or must not."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import PriceBookError
from spanledger.pricing.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

__all__ = ["STANDARD_TIERS", "Tier", "at_tier", "read_tiers"]

STANDARD_TIERS: Final = frozenset({"", "auto", "default", "standard"})
"""Names under which services know the tier that the price book prices."""

_FILE: Final = Path(__file__).with_name("tiers.toml")


@dataclass(frozen=True, slots=True)
class Tier:
    """One dated tier of a service.

    Attributes:
        id: Identifies the tier's price in every record charged with it.
        service: Who is paid, as in ``cost.service``.
        tier: The tier's name.
        factor: What every standard price is multiplied with.
        effective_from: First UTC day on which it holds.
        source: Address where it can be read.
    """

    id: str
    service: str
    tier: str
    factor: Decimal
    effective_from: date
    source: str


def at_tier(tariff: Tariff, service: str, tier: str, day: date) -> Tariff | None:
    """A standard tariff as a tier charges it on a day; None if nothing says what the tier costs.

    Args:
        tariff: The standard tariff.
        service: Who is paid.
        tier: The tier's name, in any case.
        day: The UTC day of the usage.
    """
    name = (service.lower(), tier.lower())
    known = [row for row in _built_in() if (row.service, row.tier) == name and row.effective_from <= day]
    if not known:
        return None
    row = known[-1]
    rates = {meter: replace(rate, price=rate.price * row.factor) for meter, rate in tariff.rates.items()}
    return Tariff(f"{tariff.price_id}+{row.id}", tariff.shown_in, rates, tariff.currency)


def read_tiers(path: Path) -> Sequence[Tier]:
    """The tiers of a TOML file, in time order.

    Raises:
        PriceBookError: The file cannot be read, or a row is incomplete or malformed.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = [_tier(row) for row in document["tier"]]
    except (OSError, ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{path}: a tier is missing a field or has one that is not valid: {error!r}"
        raise PriceBookError(message) from error
    return sorted(rows, key=lambda row: row.effective_from)


def _tier(row: Mapping[str, object]) -> Tier:
    tier = Tier(**{**row, "factor": Decimal(str(row["factor"]))})  # type: ignore[arg-type]  # checked below
    if not tier.id.endswith(f"/{tier.effective_from}") or not tier.source.startswith("https://"):
        message = f"{tier.id}: the id ends with the day the price took effect, the source is an https address"
        raise ValueError(message)
    return tier


@cache
def _built_in() -> Sequence[Tier]:
    return read_tiers(_FILE)

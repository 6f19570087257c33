"""Exact arithmetic on what the ledger summed: averages, shares and durations, all in decimals."""

from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Annotated, Final

from pydantic import WithJsonSchema

__all__ = ["PLACES", "Amount", "Milliseconds", "average", "exact_arithmetic", "milliseconds", "share"]

PLACES: Final = Decimal("1e-12")
"""The last place of an amount of money."""

_MILLISECOND_PLACES = Decimal("1e-6")
_EXACT = Context(prec=160, rounding=ROUND_HALF_EVEN)

Amount = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""Money in the report's currency: a JSON number with every digit; 0 where all of it is unpriced."""

Milliseconds = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""A duration in milliseconds: a JSON number, exact to the nanosecond."""


def exact_arithmetic() -> AbstractContextManager[Context]:
    """A block in which sums and products of amounts keep every digit; outside, decimals round to 28 digits."""
    return localcontext(_EXACT)


def average(total: Decimal, count: int) -> Decimal:
    """Total by count, half-even at 12 places; 0 where there is nothing to average."""
    if not count:
        return Decimal(0)
    return _EXACT.quantize(_EXACT.divide(total, Decimal(count)), PLACES)


def share(part: Decimal | int, whole: Decimal | int) -> Decimal:
    """Part by whole, half-even at 12 places; 0 where the whole is 0."""
    if not whole:
        return Decimal(0)
    return _EXACT.quantize(_EXACT.divide(Decimal(part), Decimal(whole)), PLACES)


def milliseconds(nanoseconds: int, count: int = 1) -> Decimal:
    """Milliseconds of a sum of nanoseconds averaged over its parts, half-even at 6 places; 0 where there are none."""
    if not count:
        return Decimal(0)
    return _EXACT.quantize(_EXACT.divide(Decimal(nanoseconds), Decimal(count * 1_000_000)), _MILLISECOND_PLACES)

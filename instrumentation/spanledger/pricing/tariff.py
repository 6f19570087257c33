"""The arithmetic of a price: meters in, an exact amount out.

Nothing is rounded on the way. A quotient such as 0.004 / 45 has no last digit, so intermediate results round to odd
(``ROUND_05UP``) far to the right of what is kept; the one final rounding, half-even, then sees the true value's side of
every tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_05UP, ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import UnknownPriceError
from spanledger.pricing.charge import Charge, CostSource
from spanledger.pricing.meters import METERS, split, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from spanledger.pricing.units import Unit

__all__ = ["LIMIT", "UNIT_COST", "Rate", "Tariff", "exactly"]

LIMIT: Final = Decimal(10) ** 26
"""First quantity or total that the ledger's 38 digits, 12 of them decimals, cannot hold."""

_UNIT_COST_LIMIT = Decimal(10) ** 20
_MONEY = Decimal("1E-12")
_QUANTITY = Decimal("1E-12")
UNIT_COST: Final = Decimal("1E-18")
"""The last place of a unit cost."""
_ZERO = Decimal(0)
_EXACT = Context(prec=160, rounding=ROUND_05UP, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


def exactly() -> AbstractContextManager[Context]:
    """A decimal context in which sums and products of storable quantities lose no digit and nothing raises."""
    return localcontext(_EXACT)


@dataclass(frozen=True, slots=True)
class Rate:
    """So much money for so many units.

    Attributes:
        price: Amount in the tariff's currency for ``per`` units.
        per: How many units the price buys, above 0.
        unit: The unit of ``per``.
    """

    price: Decimal
    per: Decimal
    unit: Unit

    @property
    def base_units(self) -> Decimal:
        """How many base units the price buys."""
        return self.per if self.unit.factor == 1 else self.per * self.unit.factor


@dataclass(frozen=True, slots=True)
class Tariff:
    """The meters of one price and how its records are shown.

    Attributes:
        price_id: Identifies the price in every record charged with it.
        shown_in: Unit in which a charge states quantity and unit cost.
        rates: Meter name to rate; never empty.
        currency: ISO 4217 code of the prices.
    """

    price_id: str
    shown_in: Unit
    rates: Mapping[str, Rate]
    currency: str

    def charge(self, quantities: Mapping[str, Decimal]) -> Charge:
        """Charge metered quantities.

        Args:
            quantities: Meter name to finite, non-negative quantity in base units; not empty.

        Returns:
            The charge with the total half-even at 12 places. With several meters the unit cost is the blend
            total / quantity, and 0 where nothing was used.

        Raises:
            UnknownPriceError: A meter has no price here, the numbers contradict each other, or the total is too large.
        """
        with exactly():
            leaves = split(quantities, self.rates)
            numerator, denominator = self._total(leaves)
            used = whole(quantities, self.shown_in.base)
            unit_numerator, unit_denominator = self._unit_cost(numerator, denominator, used)
            total = (numerator / denominator).quantize(_MONEY, ROUND_HALF_EVEN)
            unit_cost = (unit_numerator / unit_denominator).quantize(UNIT_COST, ROUND_HALF_EVEN)
            if total >= LIMIT or unit_cost >= _UNIT_COST_LIMIT:
                message = f"a total of {total:.3E} {self.currency} is more than a record can hold"
                raise UnknownPriceError(message)
            return Charge(
                quantity=self.shown(used),
                unit=self.shown_in.name,
                unit_cost=unit_cost,
                total_cost=total,
                source=CostSource.PRICE_BOOK,
                price_id=self.price_id,
                currency=self.currency,
            )

    def shown(self, used: Decimal) -> Decimal:
        """Convert base units to the unit shown, half-even at 12 places where the quotient has more."""
        with exactly():
            quotient = used / self.shown_in.factor
            rounded = quotient.quantize(_QUANTITY, ROUND_HALF_EVEN)
            return quotient if quotient == rounded else rounded

    def meter_for(self, unit: Unit) -> str:
        """Name of the one meter that a bare quantity in a unit can mean.

        Raises:
            UnknownPriceError: No meter counts in that unit, or more than one does.
        """
        names = [name for name in self.rates if METERS[name].base == unit.base and METERS[name].parent is None]
        if not names:
            message = f"{self.price_id} prices {self.shown_in.name}, not {unit.name}"
            raise UnknownPriceError(message)
        if len(names) > 1:
            message = f"a quantity in {unit.name} does not say how much of it is {' and how much '.join(names)}"
            raise UnknownPriceError(message)
        return names[0]

    def _total(self, leaves: Mapping[str, Decimal]) -> tuple[Decimal, Decimal]:
        numerator, denominator = _ZERO, Decimal(1)
        for name, quantity in leaves.items():
            rate = self.rates[name]
            per = rate.base_units
            if per == denominator:
                numerator += quantity * rate.price
            else:
                numerator = numerator * per + quantity * rate.price * denominator
                denominator *= per
        return numerator, denominator

    def _unit_cost(self, numerator: Decimal, denominator: Decimal, used: Decimal) -> tuple[Decimal, Decimal]:
        factor = self.shown_in.factor
        if len(self.rates) == 1:
            ((name, rate),) = self.rates.items()
            if METERS[name].parent is None:
                return rate.price * factor, rate.base_units
        return (numerator * factor, denominator * used) if used else (_ZERO, Decimal(1))

"""The one calculator: every amount that Spanledger states itself is charged here, in the engine and after arrival."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final, NoReturn

from spanledger.exceptions import UnknownPriceError
from spanledger.pricing import catalogue
from spanledger.pricing.charge import Charge, CostSource
from spanledger.pricing.meters import base_unit, whole
from spanledger.pricing.tariff import LIMIT, UNIT_COST, Tariff, exactly
from spanledger.pricing.tiers import STANDARD_TIERS, at_tier
from spanledger.pricing.units import find_unit
from spanledger.pricing.usage import Usage
from spanledger.values import decimal_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from spanledger.pricing.book import PriceBook

__all__ = ["Calculator"]

_SNAPSHOT: Final = re.compile(r"-(\d{4}|\d{4}-\d{2}-\d{2})")
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Finding:
    """The tariff that applies to a usage; a reason if it only stands in for an unknown one."""

    tariff: Tariff
    stand_in: str | None = None


class Calculator:
    """Charges usage by the price book, then by the catalogue of language models.

    A model is looked for in this order: the served model in the book; the model asked for in the book, if the served
    one is a dated snapshot of it; the served model in the catalogue; the model asked for in the book, then in the
    catalogue; and last the service's fallback row. What none of them prices stays unpriced, with a reason. Another tier
    than the standard one changes that price by its factor.

    Args:
        book: The rows to charge by.
    """

    def __init__(self, book: PriceBook) -> None:
        self._book = book

    def charge(self, usage: Usage, at: datetime) -> Charge:
        """Charge what was metered; never raises on what the usage holds.

        Args:
            usage: The metered quantities. Zeros are priced at 0; no quantities at all are unpriced.
            at: When it was used, with a time zone; its UTC day chooses the row.

        Returns:
            The charge; its source and reason tell a price from a fallback and from a missing amount.
        """
        quantities = usage.quantities
        tariff = None
        try:
            _require_countable(quantities)
            finding = self._find(usage, at, quantities, base_unit(quantities))
            tariff = finding.tariff
            charge = _charged(_at_tier(finding, usage, at), quantities)
            return self._with_fees(charge, usage, _utc_day(at)) if usage.fees else charge
        except UnknownPriceError as error:
            return _unpriced(*_stated(quantities, tariff), str(error))

    def charge_quantity(  # noqa: PLR0913 - each names one part of the record that the caller states
        self,
        service: str,
        quantity: Decimal,
        unit: str,
        *,
        at: datetime,
        model: str | None = None,
        provider: str | None = None,
    ) -> Charge:
        """Charge a bare quantity, for services that have a single meter of its kind; never raises on its content.

        Args:
            service: Who is paid.
            quantity: How much was used.
            unit: The unit of the quantity; it need not be the one that the price is stated in.
            at: When it was used, with a time zone.
            model: The model; None where the service has none.
            provider: The provider; None takes the service.

        Returns:
            The charge in the unit that the price row shows, or unpriced in the unit given.
        """
        try:
            _require_countable({unit: quantity})
            known = find_unit(unit)
            base = known.base if known else None
            finding = self._find(Usage(service, {}, model, provider=provider), at, {}, base)
            if known is None:
                _give_up(f"{service} is priced in {finding.tariff.shown_in.name}, and {unit!r} is no known unit")
            meter = finding.tariff.meter_for(known)
            with exactly():
                used = quantity * known.factor
            return _charged(finding, {meter: used})
        except UnknownPriceError as error:
            return _unpriced(_storable(quantity), unit, str(error))

    def _with_fees(self, charge: Charge, usage: Usage, day: date) -> Charge:
        """The charge and, on top, the fee of every call of a built-in tool; priced wholly or not at all."""
        fees, price_ids = [charge.total_cost or _ZERO], [charge.price_id or ""]
        for tool, calls in usage.fees.items():
            row = self._book.lookup(usage.service, tool, usage.provider, day)
            if row is None or row.model != tool or row.currency != charge.currency:
                known = f"the tokens alone cost {decimal_text(fees[0])} {charge.currency}"
                _give_up(f"nothing prices the tool {tool} of {usage.provider or usage.service} on that day; {known}")
            _require_countable({tool: calls})
            fees.append(row.charge({"requests": calls}).total_cost or _ZERO)
            price_ids.append(row.price_id)
        with exactly():
            total = sum(fees, _ZERO)
            blend = (total / charge.quantity).quantize(UNIT_COST, ROUND_HALF_EVEN) if charge.quantity else _ZERO
        return replace(charge, total_cost=total, unit_cost=blend, price_id="+".join(price_ids))

    def _find(self, usage: Usage, at: datetime, quantities: Mapping[str, Decimal], base: str | None) -> _Finding:
        day = _utc_day(at)
        served = usage.served_model or usage.model
        asked = usage.model or usage.served_model
        names = [served]
        if served and asked and served != asked and _is_snapshot(served, asked):
            names.append(asked)
        row = self._in_book(usage, tuple(names), day)
        if row is None and served and base:
            row = self._in_catalogue(usage, served, at, quantities, base)
        if row is None and served != asked:
            row = self._in_book(usage, (asked,), day)
            if row is None and asked and base:
                row = self._in_catalogue(usage, asked, at, quantities, base)
        return _Finding(row) if row else self._stand_in(usage, served, day, base)

    def _in_book(self, usage: Usage, models: tuple[str | None, ...], day: date) -> Tariff | None:
        for model in models:
            row = self._book.lookup(usage.service, model, usage.provider, day)
            if row is not None:
                return row
            first_day = self._book.first_built_in_day(usage.service, model, usage.provider)
            if first_day is not None:
                _give_up(f"{_described(usage.service, model)} has no price before {first_day}")
        return None

    @staticmethod
    def _in_catalogue(
        usage: Usage, model: str, at: datetime, quantities: Mapping[str, Decimal], base: str
    ) -> Tariff | None:
        return catalogue.find_tariff((usage.provider, usage.service), model, at, quantities, base)

    def _stand_in(self, usage: Usage, model: str | None, day: date, base: str | None) -> _Finding:
        what = _described(usage.service, model)
        first_day = self._book.first_day(usage.service, model, usage.provider)
        if first_day is not None:
            _give_up(f"{what} has no price before {first_day}")
        if model is not None and (why := catalogue.why_unavailable()):
            _give_up(f"{what} is not in the price book, and {why}")
        row = self._book.fallback(usage.service, day)
        if row is not None and base == row.shown_in.base:
            unknown = f"nothing prices {what}" if model else f"{what} was used without naming a model"
            return _Finding(row, f"{unknown}; charged as {row.model}")
        services = self._book.services()
        known = f"; known services: {', '.join(services)}" if usage.service.lower() not in services else ""
        message = f"nothing prices {what}{known}"
        raise UnknownPriceError(message)


def _at_tier(finding: _Finding, usage: Usage, at: datetime) -> _Finding:
    """What applies in the usage's tier; the standard price stands in for that of an unknown tier."""
    if (usage.tier or "").lower() in STANDARD_TIERS:
        return finding
    tariff = at_tier(finding.tariff, usage.service, str(usage.tier), _utc_day(at))
    if tariff is not None:
        return replace(finding, tariff=tariff)
    standard = f"nothing prices the {usage.tier} tier of {usage.service}; charged as its standard one"
    return replace(finding, stand_in=f"{finding.stand_in}; {standard}" if finding.stand_in else standard)


def _charged(finding: _Finding, quantities: Mapping[str, Decimal]) -> Charge:
    charge = finding.tariff.charge(quantities)
    if finding.stand_in is None:
        return charge
    return replace(charge, source=CostSource.FALLBACK, reason=finding.stand_in)


def _unpriced(quantity: Decimal, unit: str, reason: str) -> Charge:
    return Charge(quantity, unit, None, None, CostSource.UNPRICED, None, reason)


def _stated(quantities: Mapping[str, Decimal], tariff: Tariff | None) -> tuple[Decimal, str]:
    """Quantity and unit of usage without an amount: as a tariff shows it, else in the base unit of its first meter."""
    base = base_unit(quantities)
    if base is not None:
        with exactly():
            used = _storable(whole(quantities, base))
        return (tariff.shown(used), tariff.shown_in.name) if tariff and tariff.shown_in.base == base else (used, base)
    for name, quantity in quantities.items():
        return _storable(quantity), name
    return _ZERO, tariff.shown_in.name if tariff else "units"


def _storable(quantity: Decimal) -> Decimal:
    return quantity if quantity.is_finite() and -LIMIT < quantity < LIMIT else _ZERO


def _require_countable(quantities: Mapping[str, Decimal]) -> None:
    if not quantities:
        _give_up("no usage was stated")
    for name, quantity in quantities.items():
        if not quantity.is_finite() or quantity < _ZERO:
            _give_up(f"{name} is {quantity}, which is no amount of usage")
        if quantity >= LIMIT:
            _give_up(f"{name} is {quantity:.3E}, more than a record can hold")


def _is_snapshot(served: str, asked: str) -> bool:
    return served.startswith(asked) and _SNAPSHOT.fullmatch(served, len(asked)) is not None


def _utc_day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _described(service: str, model: str | None) -> str:
    return f"{service} {model}" if model else service


def _give_up(reason: str) -> NoReturn:
    raise UnknownPriceError(reason)

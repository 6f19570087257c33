"""What a record would cost by today's price book, for the time at which it was made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spanledger.attributes import (
    COST_FEES_PREFIX,
    COST_SERVICE,
    COST_USAGE_PREFIX,
    GEN_AI_PROVIDER,
    GEN_AI_RESPONSE_MODEL,
    OPENAI_SERVICE_TIER,
)
from spanledger.conventions import read_foreign_call
from spanledger.exceptions import InvalidRequestError, UnknownPriceError
from spanledger.pricing import CostSource, Usage
from spanledger.values import non_negative

if TYPE_CHECKING:
    from collections.abc import Collection

    from spanledger.pricing import Calculator, Charge, PriceBook
    from spanledger_clickhouse.repricing.priced_record import PricedRecord

__all__ = ["Recharger", "Unpriceable"]

_CATALOGUE: Final = "genai-prices/"
_TIER: Final = "+"
_TOKENS: Final = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}


@dataclass(frozen=True, slots=True)
class Unpriceable:
    """Why a record keeps what it has: nothing prices it, or what it was charged by cannot be told."""

    reason: str


class Recharger:
    """Charges records again, by the one calculator.

    Args:
        book: The price book; a record charged by a row that it does not have is left alone, since an engine's own
            prices would be replaced by list prices otherwise.
        calculator: The calculator over that book.
        replaced: Ids of price rows that the book has no more and whose records are to be priced again.
    """

    def __init__(self, book: PriceBook, calculator: Calculator, replaced: Collection[str] = ()) -> None:
        self._calculator = calculator
        self._rows = {row.price_id: row for row in book.rows()}
        self._replaced = frozenset(replaced)

    def charge(self, record: PricedRecord) -> Charge | Unpriceable | None:
        """The charge that replaces a record's; None if it would be the same, or if the provider stated the amount."""
        if record.source == CostSource.PROVIDER:
            return None
        if (complaint := self._unknown_row(record)) is not None:
            return complaint
        try:
            charge = self._charge(record)
        except (InvalidRequestError, UnknownPriceError) as error:
            return Unpriceable(str(error))
        if charge.total_cost is None:
            return Unpriceable(charge.reason or "nothing prices it")
        if charge.currency != record.currency and record.source != CostSource.UNPRICED:
            return Unpriceable(f"its price is in {charge.currency} now, and the record in {record.currency}")
        return None if _same(record, charge) else charge

    def _unknown_row(self, record: PricedRecord) -> Unpriceable | None:
        row_id = record.price_id.partition(_TIER)[0]
        if not row_id or row_id in self._rows or row_id.startswith(_CATALOGUE) or row_id in self._replaced:
            return None
        return Unpriceable(
            f"it was charged by {row_id}, which this price book does not have; name its file in SPANLEDGER_PRICES, "
            "or the row in --replaced-price"
        )

    def _charge(self, record: PricedRecord) -> Charge:
        at = record.started_at
        if (usage := _kept_usage(record)) is not None:
            return self._calculator.charge(usage, at)
        if (usage := _stated_tokens(record)) is not None:
            charge = self._calculator.charge(usage, at)
            self._require_explained(record, usage, charge)
            return charge
        return self._calculator.charge_quantity(
            record.service,
            record.quantity,
            record.unit,
            at=at,
            model=record.model or None,
            provider=_provider(record),
        )

    def _require_explained(self, record: PricedRecord, usage: Usage, charge: Charge) -> None:
        """Hold the tokens that a record without usage shows to its amount: they do not say what came from a cache."""
        known = self._rows.get(record.price_id)
        if charge.price_id == record.price_id:
            then = charge.total_cost
        else:
            then = known.charge(usage.quantities).total_cost if known else None
        if then != record.total_cost:
            message = "it keeps its tokens only, and they alone do not explain its amount"
            raise UnknownPriceError(message)


def _kept_usage(record: PricedRecord) -> Usage | None:
    """The usage by the attributes of the span; None if they are not kept, or it was a bare quantity."""
    fees = {
        name.removeprefix(COST_FEES_PREFIX): non_negative(value, name)
        for name, value in record.usage.items()
        if name.startswith(COST_FEES_PREFIX)
    }
    metered = {
        name.removeprefix(COST_USAGE_PREFIX): non_negative(value, name)
        for name, value in record.usage.items()
        if name.startswith(COST_USAGE_PREFIX) and not name.startswith(COST_FEES_PREFIX)
    }
    call = read_foreign_call(record.usage)
    told = call.usage if call is not None else Usage(record.service)
    if not metered and not told.quantities:
        return None
    if COST_SERVICE in record.usage:  # the rater's own reading, which goes by the provider
        return told
    return replace(
        told,
        service=record.service,
        quantities=metered or told.quantities,
        model=record.model or told.model,
        served_model=told.served_model or record.usage.get(GEN_AI_RESPONSE_MODEL),
        provider=told.provider or _provider(record),
        tier=told.tier or record.usage.get(OPENAI_SERVICE_TIER),
        fees=fees,
    )


def _stated_tokens(record: PricedRecord) -> Usage | None:
    """The tokens that the metadata show; None where they show none."""
    counts = {meter: record.details[name] for name, meter in _TOKENS.items() if name in record.details}
    if not counts:
        return None
    quantities = {meter: non_negative(count, meter) for meter, count in counts.items()}
    return Usage(record.service, quantities, record.model or None, provider=_provider(record))


def _provider(record: PricedRecord) -> str | None:
    return record.usage.get(GEN_AI_PROVIDER) or record.details.get("provider")


def _same(record: PricedRecord, charge: Charge) -> bool:
    """Whether amounts and their standing are those of the record; the same price under a newer id is no change."""
    return (
        charge.total_cost == record.total_cost
        and (charge.unit_cost or Decimal(0)) == record.unit_cost
        and charge.source == record.source
        and (charge.quantity, charge.unit) == (record.quantity, record.unit)
    )

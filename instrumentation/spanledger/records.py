"""Costs that the engine states itself, for whatever no wrapper meters."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from spanledger.attributes import (
    COST_CURRENCY,
    COST_DURATION_MS,
    COST_METADATA_PREFIX,
    COST_OPERATION,
    COST_QUANTITY,
    COST_REASON,
    COST_SERVICE,
    COST_SOURCE,
    COST_TOTAL_COST,
    COST_UNIT,
    COST_UNIT_COST,
    GEN_AI_REQUEST_MODEL,
)
from spanledger.clock import now_ns
from spanledger.exceptions import InvalidRequestError
from spanledger.guard import count_loss, guarded
from spanledger.pricing import CostSource
from spanledger.values import decimal_text, metadata_attributes, non_negative, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger.values import Attribute, Number

__all__ = ["record_cost", "stated_amounts"]

_TRACER = trace.get_tracer("spanledger", __version__)

TOTAL_PLACES: Final = Decimal("1e-12")
UNIT_PLACES: Final = Decimal("1e-18")
_EXACT: Final = Context(prec=100, rounding=ROUND_HALF_EVEN)
_NANOSECONDS_PER_MILLISECOND: Final = Decimal(1_000_000)


def record_cost(  # noqa: PLR0913 - a record has that many fields; all of them are keywords
    *,
    service: str,
    operation: str,
    quantity: Number,
    unit: str,
    unit_cost: Number | None = None,
    total_cost: Number | None = None,
    currency: str = "USD",
    duration: Number | None = None,
    model: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Record that the current execution has just spent money; never raises.

    A stated ``total_cost`` or ``unit_cost`` is taken as it is (source ``provider``). With neither, the price book
    prices the quantity when the span is exported. A bad number is recorded without an amount and with the reason.

    Args:
        service: Who is paid: ``openai``, ``s3``, ``cloudflare_stream`` or any other name.
        operation: What was done, e.g. ``render``.
        quantity: How much was used, in ``unit``.
        unit: ``tokens``, ``seconds``, ``minutes``, ``MB``, ``GB`` or any other name.
        unit_cost: Price of one unit in ``currency``; None is not stated, 0 is free.
        total_cost: Price of the whole quantity in ``currency``; None is not stated, 0 is free.
        currency: ISO 4217 code of both amounts.
        duration: Milliseconds that the operation took until now; None records a moment.
        model: The model that was used, where the service has models.
        metadata: Details to keep with the record; None keeps none.
    """
    with guarded("record_cost"):
        attributes: dict[str, Attribute] = {}
        with guarded("record_cost.metadata"):
            attributes |= metadata_attributes(COST_METADATA_PREFIX, metadata)
        attributes |= {COST_SERVICE: text(service), COST_OPERATION: text(operation), COST_UNIT: text(unit)}
        if model is not None:
            attributes[GEN_AI_REQUEST_MODEL] = text(model)
        try:
            attributes |= stated_amounts(quantity, unit_cost, total_cost, text(currency))
        except InvalidRequestError as error:
            count_loss("record_cost.amount", f"{service} {operation} is recorded without an amount: {error}")
            attributes |= {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: text(error.detail)}
        now = now_ns()
        length = _nanoseconds(duration, now)
        if length:
            attributes[COST_DURATION_MS] = length / 1_000_000
        span = _TRACER.start_span(
            f"{text(service)} {text(operation)}", kind=SpanKind.CLIENT, attributes=attributes, start_time=now - length
        )
        span.end(now)


def stated_amounts(quantity: object, unit_cost: object, total_cost: object, currency: str) -> dict[str, str]:
    """The amounts of a record as span attributes; without a price among them if none is stated.

    Args:
        quantity: How much was used.
        unit_cost: Price of one unit; None is not stated.
        total_cost: Price of the whole quantity, half-even at 12 places; None is unit cost times quantity.
        currency: ISO 4217 code of the amounts.

    Raises:
        InvalidRequestError: An amount is no number, not finite, negative, or longer than the ledger can hold.
    """
    used = non_negative(quantity, "quantity")
    amounts = {COST_QUANTITY: decimal_text(used), COST_CURRENCY: currency}
    unit = None if unit_cost is None else non_negative(unit_cost, "unit_cost")
    if total_cost is not None:
        total = non_negative(total_cost, "total_cost")
    elif unit is not None:
        total = non_negative(_EXACT.multiply(used, unit).quantize(TOTAL_PLACES, context=_EXACT), "total_cost")
    else:
        return amounts
    if unit is None and used:
        unit = _EXACT.divide(total, used).quantize(UNIT_PLACES, context=_EXACT)
    if unit is not None:
        amounts[COST_UNIT_COST] = decimal_text(unit)
    return amounts | {COST_TOTAL_COST: decimal_text(total), COST_SOURCE: CostSource.PROVIDER.value}


def _nanoseconds(duration: object, now: int) -> int:
    """A duration in ms as nanoseconds; 0 if it is none, or reaches back to before 1970."""
    if duration is None:
        return 0
    with guarded("record_cost.duration"):
        length = int(_EXACT.multiply(non_negative(duration, "duration"), _NANOSECONDS_PER_MILLISECOND))
        if length < now:
            return length
        count_loss("record_cost.duration", f"a duration of {length} ns is longer than time itself")
    return 0

"""What the rater decides about one span: the amount it gets, or that it repeats another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spanledger.attributes import COST_OPERATION, COST_QUANTITY, COST_SERVICE, COST_UNIT, GEN_AI_REQUEST_MODEL, USER_ID
from spanledger.conventions import read_foreign_call
from spanledger.exceptions import InvalidRequestError
from spanledger.pricing import Charge, CostSource
from spanledger.values import decimal_text, non_negative

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spanledger.conventions import ForeignCall
    from spanledger.pricing import Calculator
    from spanledger_clickhouse.rating.usage_span import UsageSpan

__all__ = ["Decision", "decide", "decisions_json"]

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Decision:
    """The part of a cost record that the rater adds to a usage span; amounts as decimal text, empty if unknown."""

    trace_id: str
    span_id: str
    is_deleted: int
    user_id: str
    service: str
    operation: str
    model: str
    prompt_name: str
    quantity: str
    unit: str
    unit_cost: str
    total_cost: str
    currency: str
    source: str
    price_id: str
    reason: str


def decide(span: UsageSpan, *, counts: bool, calculator: Calculator) -> Decision | None:
    """Price one usage span.

    Args:
        span: A span that states no amount of its own.
        counts: Whether it is the one description of its call that counts.
        calculator: Prices what was used, as of the span's start.

    Returns:
        The decision; None if no convention finds a paid call in the span after all.
    """
    attributes = span.attributes
    call = read_foreign_call(attributes)
    service = attributes.get(COST_SERVICE) or (call.usage.service if call else "")
    if not service:
        return None
    charge = _charge(span, call, service, calculator)
    return Decision(
        trace_id=span.trace_id,
        span_id=span.span_id,
        is_deleted=int(not counts),
        # A span that names its service is keyed by the view's reading of it, any other by this one.
        user_id=attributes.get(USER_ID, "") if COST_SERVICE in attributes or call is None else call.user_id,
        service=service,
        operation=attributes.get(COST_OPERATION) or (call.operation if call else ""),
        model=attributes.get(GEN_AI_REQUEST_MODEL) or (call.usage.model or "" if call else ""),
        prompt_name=call.prompt_name if call else "",
        quantity=_text(charge.quantity),
        unit=charge.unit,
        unit_cost=_text(charge.unit_cost),
        total_cost=_text(charge.total_cost),
        currency=charge.currency,
        source=charge.source,
        price_id=charge.price_id or "",
        reason=charge.reason or "",
    )


def decisions_json(decisions: Iterable[Decision]) -> str:
    """The decisions as one JSON array of objects."""
    return json.dumps([asdict(decision) for decision in decisions])


def _charge(span: UsageSpan, call: ForeignCall | None, service: str, calculator: Calculator) -> Charge:
    """A stated cost wins; else the usage is priced; else the bare quantity is."""
    attributes = span.attributes
    if call is not None and call.stated_cost is not None:
        return _stated(call, call.stated_cost)
    if call is not None and call.usage.quantities:
        return calculator.charge(call.usage, at=span.started_at)
    unit = attributes.get(COST_UNIT, "")
    try:
        quantity = non_negative(attributes.get(COST_QUANTITY, ""), COST_QUANTITY)
    except InvalidRequestError as error:
        return Charge(_ZERO, unit, None, None, CostSource.UNPRICED, reason=error.detail)
    return calculator.charge_quantity(
        service, quantity, unit, at=span.started_at, model=attributes.get(GEN_AI_REQUEST_MODEL)
    )


def _stated(call: ForeignCall, amount: Decimal) -> Charge:
    quantities = call.usage.quantities
    tokens = quantities.get("input_tokens", _ZERO) + quantities.get("output_tokens", _ZERO)
    return Charge(tokens, "tokens" if tokens else "", None, amount, CostSource.PROVIDER, currency=call.currency)


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else decimal_text(amount)

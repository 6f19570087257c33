"""What a test reads: cost records, steps and executions, as the ledger's three tables have them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from spanledger.attributes import (
    COST_CURRENCY,
    COST_DURATION_MS,
    COST_METADATA_PREFIX,
    COST_OPERATION,
    COST_PRICE_ID,
    COST_QUANTITY,
    COST_REASON,
    COST_SERVICE,
    COST_SOURCE,
    COST_TOTAL_COST,
    COST_UNIT,
    COST_UNIT_COST,
    EXECUTION_ID,
    EXECUTION_STATUS,
    STEP_METADATA_PREFIX,
    STEP_NAME,
    TASK_TYPE,
    USER_ID,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["CostRecord", "ExecutionRecord", "StepRecord", "cost_record", "execution_record", "step_record"]

_AI_SERVICES: Final = frozenset({"openai", "google_video_ai", "whisper"})
_NANOSECONDS: Final = 1_000_000_000
_NANOSECONDS_PER_MILLISECOND: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class CostRecord:
    """One paid operation, as the ledger's ``cost_records`` has it.

    Attributes:
        service: Who is paid.
        operation: What was done.
        quantity: How much was used, in ``unit``; None if it is not known.
        unit: The unit of the quantity.
        unit_cost: Price of one unit in ``currency``; None if unpriced.
        total_cost: Price of the whole quantity in ``currency``; None if unpriced, never 0 instead.
        currency: ISO 4217 code of both amounts.
        source: ``provider``, ``price_book``, ``fallback`` or ``unpriced``.
        price_id: The dated price row that was applied; None if none was.
        reason: Why the amount is a fallback or missing; None otherwise.
        user_id: The user who pays; None outside any execution.
        execution_id: The execution; None outside any.
        task_type: The kind of task; None outside any execution.
        step_name: The step; None outside any.
        started_at: When it began, UTC.
        duration: Milliseconds it took.
        metadata: What else was noted.
        trace_id: The span's trace, in hex.
        span_id: The span, in hex.
    """

    service: str
    operation: str
    quantity: Decimal | None
    unit: str
    unit_cost: Decimal | None
    total_cost: Decimal | None
    currency: str
    source: str
    price_id: str | None
    reason: str | None
    user_id: str | None
    execution_id: str | None
    task_type: str | None
    step_name: str | None
    started_at: datetime
    duration: Decimal
    metadata: Mapping[str, object]
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step, as the ledger's ``performance_records`` has it.

    Attributes:
        step_name: The step's name.
        status: ``success`` or ``failed``.
        error: Why it failed; None if it did not.
        execution_id: The execution; None outside any.
        task_type: The kind of task; None outside any execution.
        user_id: The user on whose behalf it ran; None if not known.
        started_at: When it began, UTC.
        completed_at: When it ended, UTC.
        duration: Milliseconds it took.
        metadata: What was noted with it.
    """

    step_name: str
    status: str
    error: str | None
    execution_id: str | None
    task_type: str | None
    user_id: str | None
    started_at: datetime
    completed_at: datetime
    duration: Decimal
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One task execution, as the ledger's ``task_executions`` has it.

    Attributes:
        execution_id: Its id.
        user_id: The user on whose behalf it runs; None if not known.
        task_type: The kind of task.
        status: ``running``, ``completed`` or ``failed``.
        error_message: Why it failed; None if it did not.
        total_cost: USD of all its priced records, also those of a failed one.
        ai_calls_count: How many of them are calls of AI services.
        started_at: When it began, UTC.
        completed_at: When it ended, UTC; None while it runs.
    """

    execution_id: str
    user_id: str | None
    task_type: str
    status: str
    error_message: str | None
    total_cost: Decimal
    ai_calls_count: int
    started_at: datetime
    completed_at: datetime | None


def cost_record(span: ReadableSpan) -> CostRecord:
    """The cost record that a priced span is."""
    said = span.attributes or {}
    context = span.get_span_context()
    stated = said.get(COST_DURATION_MS)
    return CostRecord(
        service=str(said[COST_SERVICE]),
        operation=str(said.get(COST_OPERATION, "")),
        quantity=_decimal(said, COST_QUANTITY),
        unit=str(said.get(COST_UNIT, "")),
        unit_cost=_decimal(said, COST_UNIT_COST),
        total_cost=_decimal(said, COST_TOTAL_COST),
        currency=str(said.get(COST_CURRENCY, "USD")),
        source=str(said.get(COST_SOURCE, "provider")),
        price_id=_text(said, COST_PRICE_ID),
        reason=_text(said, COST_REASON),
        user_id=_text(said, USER_ID),
        execution_id=_text(said, EXECUTION_ID),
        task_type=_text(said, TASK_TYPE),
        step_name=_text(said, STEP_NAME),
        started_at=_moment(span.start_time),
        duration=_duration(span) if stated is None else Decimal(str(stated)),
        metadata=_metadata(said, COST_METADATA_PREFIX),
        trace_id=format_trace_id(context.trace_id) if context else "",
        span_id=format_span_id(context.span_id) if context else "",
    )


def step_record(span: ReadableSpan) -> StepRecord:
    """The performance record that a step's own span is."""
    said = span.attributes or {}
    failed = span.status.status_code is StatusCode.ERROR
    return StepRecord(
        step_name=str(said[STEP_NAME]),
        status="failed" if failed else "success",
        error=span.status.description if failed else None,
        execution_id=_text(said, EXECUTION_ID),
        task_type=_text(said, TASK_TYPE),
        user_id=_text(said, USER_ID),
        started_at=_moment(span.start_time),
        completed_at=_moment(span.end_time),
        duration=_duration(span),
        metadata=_metadata(said, STEP_METADATA_PREFIX),
    )


def execution_record(span: ReadableSpan, records: Iterable[CostRecord]) -> ExecutionRecord:
    """The task execution that a root span, or the marker of a running one, is.

    Args:
        span: The root or the marker.
        records: Every cost record there is.
    """
    said = span.attributes or {}
    status, execution_id = str(said[EXECUTION_STATUS]), str(said[EXECUTION_ID])
    own = [record for record in records if record.execution_id == execution_id]
    return ExecutionRecord(
        execution_id=execution_id,
        user_id=_text(said, USER_ID),
        task_type=str(said.get(TASK_TYPE, "")),
        status=status,
        error_message=span.status.description if status == "failed" else None,
        total_cost=sum(
            (record.total_cost for record in own if record.currency == "USD" and record.total_cost), Decimal(0)
        ),
        ai_calls_count=sum(record.service in _AI_SERVICES for record in own),
        started_at=_moment(span.start_time),
        completed_at=None if status == "running" else _moment(span.end_time),
    )


def _text(said: Mapping[str, object], name: str) -> str | None:
    value = said.get(name)
    return None if value is None else str(value)


def _decimal(said: Mapping[str, object], name: str) -> Decimal | None:
    value = said.get(name)
    return None if value is None else Decimal(str(value))


def _metadata(said: Mapping[str, object], prefix: str) -> dict[str, object]:
    return {name.removeprefix(prefix): value for name, value in said.items() if name.startswith(prefix)}


def _moment(nanoseconds: int | None) -> datetime:
    """A time at the microsecond, which is what Python's datetime holds."""
    seconds, rest = divmod(nanoseconds or 0, _NANOSECONDS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000)


def _duration(span: ReadableSpan) -> Decimal:
    return Decimal((span.end_time or 0) - (span.start_time or 0)) / _NANOSECONDS_PER_MILLISECOND

"""Spans as a collector stores them, and their own recount of what a report must say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from spanledger import attributes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spanledger_clickhouse.ledger import Ledger

_COLUMNS = [
    *("Timestamp", "TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind", "ServiceName"),
    *("ResourceAttributes", "ScopeName", "ScopeVersion", "SpanAttributes", "Duration", "StatusCode", "StatusMessage"),
    *("Events.Timestamp", "Events.Name", "Events.Attributes"),
    *("Links.TraceId", "Links.SpanId", "Links.TraceState", "Links.Attributes"),
]
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Span:
    """One span; every default is what most tests do not care about."""

    name: str = "work"
    start: datetime = datetime(2026, 3, 14, 12, tzinfo=UTC)
    duration_ns: int = 1_000_000
    failed: str = ""
    service: str = ""
    operation: str = "call"
    cost: Decimal | None = None
    source: str = "price_book"
    currency: str = ""
    user: str = ""
    execution: str = ""
    execution_status: str = ""
    task: str = ""
    step: str = ""
    of_step: int = 0
    model: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    reason: str = ""
    category: str = ""
    prompt: str = ""
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    parent: int = 0
    trace: int = 0
    scope: str = "tests"
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes that say all this, absent ones left out."""
        paid = bool(self.service)
        given = {
            attributes.COST_SERVICE: self.service,
            attributes.COST_OPERATION: self.operation if paid else "",
            attributes.COST_TOTAL_COST: "" if self.cost is None else format(self.cost, "f"),
            attributes.COST_SOURCE: self.source if paid else "",
            attributes.COST_CURRENCY: self.currency,
            attributes.USER_ID: self.user,
            attributes.EXECUTION_ID: self.execution,
            attributes.EXECUTION_STATUS: self.execution_status,
            attributes.TASK_TYPE: self.task,
            attributes.STEP_NAME: self.step,
            attributes.STEP_SPAN_ID: f"{self.of_step:016x}" if self.of_step else "",
            attributes.GEN_AI_REQUEST_MODEL: self.model,
            attributes.COST_QUANTITY: "" if self.quantity is None else format(self.quantity, "f"),
            attributes.COST_UNIT: self.unit,
            attributes.COST_REASON: self.reason,
            attributes.PROMPT_CATEGORY: self.category,
            attributes.PROMPT_NAME: self.prompt,
            **{attributes.COST_METADATA_PREFIX + key: value for key, value in self.metadata.items()},
        }
        return {name: value for name, value in given.items() if value}


def store(ledger: Ledger, spans: Iterable[Span]) -> None:
    """Insert spans as the collector does, in one batch."""
    rows: list[list[object]] = [
        [
            *(span.start, f"{span.trace or span.number:032x}", f"{span.number:016x}"),
            *(f"{span.parent:016x}" if span.parent else "", "", span.name, "Internal", "engine"),
            *({"service.name": "engine"}, span.scope, "1", span.attributes, span.duration_ns),
            *("Error" if span.failed else "Ok", span.failed),
            *([], [], [], [], [], [], []),
        ]
        for span in spans
    ]
    with ledger.borrow() as client:
        client.insert("otel_traces", rows, column_names=_COLUMNS)


def total(spans: Iterable[Span]) -> Decimal:
    """The exact sum of what the spans cost, unpriced ones as 0."""
    return sum((span.cost or Decimal(0) for span in spans), Decimal(0))

"""A ledger in memory, for an engine's own tests: what was spent, exactly, without a collector.

::

    def test_a_thumbnail_costs_what_it_should():
        with spanledger.testing.ledger() as ledger:
            make_thumbnail("video-1")

        assert ledger.total() == Decimal("0.000009765625")

Ids count from 1 and the clock starts in 2026 and moves by 1 ms each time it is read, so that a test sees the same
every time. Spans go nowhere else meanwhile, whether the engine is configured or not.
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanledger.attributes import COST_SERVICE, EXECUTION_ID, EXECUTION_STATUS, STEP_NAME, STEP_SPAN_ID
from spanledger.configuration import diverted
from spanledger.ids import counted_ids
from spanledger.simulated_time import simulated_time
from spanledger.testing.records import (
    CostRecord,
    ExecutionRecord,
    StepRecord,
    cost_record,
    execution_record,
    step_record,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from spanledger.batching import BatchQueue

__all__ = ["CostRecord", "ExecutionRecord", "Ledger", "StepRecord", "ledger"]

FIRST_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""What the clock of a test reads first."""

_TICK_NS: Final = 1_000_000
_ZERO: Final = Decimal(0)


class Ledger(SpanExporter):
    """What an engine has spent in a test; each property is up to date with the last span that ended."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []
        self._queue: BatchQueue | None = None

    @property
    def records(self) -> list[CostRecord]:
        """Every paid operation, in the order of their ends."""
        return [cost_record(span) for span in self._ended(COST_SERVICE)]

    @property
    def steps(self) -> list[StepRecord]:
        """Every step, in the order of their ends."""
        return [step_record(span) for span in self._ended(STEP_NAME) if STEP_SPAN_ID not in (span.attributes or {})]

    @property
    def executions(self) -> list[ExecutionRecord]:
        """Every execution, in the order of their beginnings."""
        latest: dict[str, ReadableSpan] = {}
        for span in self._ended(EXECUTION_STATUS):
            attributes = span.attributes or {}
            execution_id = str(attributes[EXECUTION_ID])
            if attributes[EXECUTION_STATUS] != "running" or execution_id not in latest:
                latest[execution_id] = span
        records = self.records
        return [execution_record(span, records) for span in latest.values()]

    def total(self, currency: str = "USD", **where: object) -> Decimal:
        """The sum of the priced records, exact; 0 if there are none.

        Args:
            currency: Of which amounts.
            where: Values that fields of :class:`CostRecord` must have, e.g. ``service="s3"``.
        """
        return sum(
            (
                record.total_cost
                for record in self.records
                if record.currency == currency
                and record.total_cost is not None
                and all(getattr(record, name) == value for name, value in where.items())
            ),
            _ZERO,
        )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take priced spans."""
        self._spans.extend(spans)
        return SpanExportResult.SUCCESS

    def attach(self, queue: BatchQueue) -> None:
        """Read after this queue has been flushed."""
        self._queue = queue

    def settle(self) -> None:
        """Take what has ended so far, and nothing later."""
        if self._queue is not None:
            self._queue.flush(10.0)
            self._queue = None

    def _ended(self, attribute: str) -> list[ReadableSpan]:
        if self._queue is not None:
            self._queue.flush(10.0)
        return [span for span in self._spans if attribute in (span.attributes or {})]


@contextmanager
def ledger(*, prices: str | Path | None = None) -> Generator[Ledger]:
    """Capture every priced record of the block, with counted ids and a clock that ticks.

    Args:
        prices: TOML file with own price rows; None takes ``SPANLEDGER_PRICES``, if set.

    Raises:
        PriceBookError: The price file cannot be read or contradicts itself.
    """
    captured = Ledger()
    with diverted(captured, prices) as queue, counted_ids(), _ticking_clock():
        captured.attach(queue)
        yield captured
        captured.settle()


def _ticking_clock() -> AbstractContextManager[None]:
    moments = itertools.count(int(FIRST_MOMENT.timestamp()) * 1_000_000_000, _TICK_NS)
    return simulated_time(moments.__next__)

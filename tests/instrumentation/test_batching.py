"""The queue: bursts without a loss, a bound, and flushing with a time limit."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spanledger.batching import BatchQueue
from spanledger.export import PricingExporter
from spanledger.guard import losses
from spanledger.pricing import Calculator, PriceBook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class Counting(SpanExporter):
    """Counts what it gets, once it is let."""

    def __init__(self) -> None:
        self.count = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Count."""
        self.may_go_on.wait(20)
        self.count += len(spans)
        return SpanExportResult.SUCCESS


@pytest.fixture
def span() -> ReadableSpan:
    """An ended span."""
    behind = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(behind))
    provider.get_tracer("test").start_span("span").end()
    return behind.get_finished_spans()[0]


def queue_to(exporter: SpanExporter, **settings: int) -> BatchQueue:
    """A queue in front of an exporter."""
    return BatchQueue(PricingExporter(exporter, Calculator(PriceBook.built_in())), **settings)


@pytest.mark.parametrize(("threads", "each"), [(1, 50_000), (8, 6_250)])
def test_a_burst_loses_nothing(span: ReadableSpan, threads: int, each: int) -> None:
    """50,000 spans as fast as they come, from one thread and from eight."""
    exporter = Counting()
    queue = queue_to(exporter)
    before = losses().get("queue", 0)

    def burst() -> None:
        for _ in range(each):
            queue.put(span)

    running = [threading.Thread(target=burst) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()

    assert queue.flush(30)
    assert exporter.count == threads * each
    assert losses().get("queue", 0) == before
    queue.close(5)


def test_a_full_queue_counts_what_it_drops(span: ReadableSpan) -> None:
    """Memory is bounded; each span beyond is counted, none of those within is lost."""
    exporter = Counting()
    exporter.may_go_on.clear()
    queue = queue_to(exporter, most_spans=100)
    before = losses().get("queue", 0)
    for _ in range(150):
        queue.put(span)
    exporter.may_go_on.set()

    assert queue.flush(10)
    assert exporter.count + losses()["queue"] - before == 150
    assert exporter.count >= 100
    queue.close(5)


def test_flushing_waits_no_longer_than_told(span: ReadableSpan) -> None:
    """An exporter that hangs holds its thread up, and nobody else."""
    exporter = Counting()
    exporter.may_go_on.clear()
    queue = queue_to(exporter)
    queue.put(span)
    started = time.monotonic()

    assert not queue.flush(0.05)
    assert time.monotonic() - started < 1
    exporter.may_go_on.set()
    assert queue.flush(10)
    queue.close(5)


def test_an_exporter_that_hangs_does_not_hold_the_exit_up(span: ReadableSpan) -> None:
    """Closing gives up once nothing moves any more, and counts what is left."""
    exporter = Counting()
    exporter.may_go_on.clear()
    queue = queue_to(exporter)
    queue.put(span)
    assert not queue.flush(0.05)
    for _ in range(3):
        queue.put(span)
    before = losses().get("exit", 0)
    started = time.monotonic()
    queue.close(0.05)

    assert time.monotonic() - started < 5
    assert losses()["exit"] == before + 3
    exporter.may_go_on.set()


def test_a_slow_exporter_is_waited_for_while_it_moves(span: ReadableSpan) -> None:
    """A burst right before the exit is encoded to its end, if it takes longer than the exit may wait."""

    class Slow(Counting):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            """Take a while for each batch."""
            threading.Event().wait(0.05)
            return super().export(spans)

    exporter = Slow()
    queue = queue_to(exporter)
    for _ in range(20_000):
        queue.put(span)
    queue.secure(0.01)

    assert exporter.count == 20_000
    queue.close(5)


def test_spans_that_are_not_sampled_stay_out(span: ReadableSpan) -> None:
    """They are the engine's decision; they are not queued, and not lost either."""
    exporter = Counting()
    queue = queue_to(exporter)
    context = trace.SpanContext(1, 1, is_remote=False, trace_flags=trace.TraceFlags(0))
    unsampled = type(span)(span.name, context=context)
    queue.put(unsampled)
    queue.put(span)

    assert queue.flush(10)
    assert exporter.count == 1
    queue.close(5)

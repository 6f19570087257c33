"""What happens to every span: identity is stamped when it starts, and it is queued for export when it ends."""

from __future__ import annotations

import itertools
import os
import random
import weakref
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator

from spanledger.guard import count_loss, guarded
from spanledger.identity import current_identity

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from spanledger.export import PricingExporter

__all__ = ["EXIT_SECONDS", "ExportQueue", "LedgerProcessor", "UnseededIds"]

QUEUE_SPANS: Final = 65_536
"""Spans that may wait for export; a burst beyond that loses its oldest."""
BATCH_SPANS: Final = 2_048
"""Spans in one delivery at most."""
DELAY_MS: Final = 1_000
"""Milliseconds that a span waits for others at most; also what a killed process loses."""

EXIT_SECONDS: Final = 5.0
"""Seconds after which an ending process begins no further delivery to a collector that does not answer."""


class UnseededIds(IdGenerator):
    """Trace and span ids from the operating system.

    The SDK draws them from the global generator, where an engine's ``random.seed()`` would repeat them; the ledger
    takes a repeated id for a repeated delivery and counts it once.
    """

    def __init__(self) -> None:
        self._source = random.SystemRandom()

    def generate_span_id(self) -> int:
        """A random id of 64 bits, never 0."""
        return self._source.randrange(1, 1 << 64)

    def generate_trace_id(self) -> int:
        """A random id of 128 bits, never 0."""
        return self._source.randrange(1, 1 << 128)

    def is_trace_id_random(self) -> bool:
        """True: every bit is random, so samplers may rely on any of them."""
        return True


class ExportQueue:
    """Queues ended spans for the exporter's thread, and counts what a full queue drops under ``queue``.

    Args:
        exporter: Takes the batches.
    """

    def __init__(self, exporter: PricingExporter) -> None:
        self._exporter = exporter
        self._batch = BatchSpanProcessor(exporter, QUEUE_SPANS, DELAY_MS, BATCH_SPANS)
        self._queued = itertools.count(1)
        self._dropped = 0
        if hasattr(os, "register_at_fork"):
            forget = weakref.WeakMethod(self._forget_parent)
            os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def put(self, span: ReadableSpan) -> None:
        """Queue an ended span, unless it is not sampled."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        waiting = next(self._queued) - self._exporter.received - self._dropped
        if waiting > QUEUE_SPANS:
            self._dropped += 1
            count_loss("queue", "the queue is full: the oldest span was dropped")
        self._batch.on_end(span)

    def flush(self) -> bool:
        """Deliver what is queued, however long it takes; False if any span was lost meanwhile."""
        lost = self._exporter.lost
        return self._batch.force_flush() and self._exporter.lost == lost

    def close(self, give_up_in: float) -> None:
        """Deliver what is queued and end the thread.

        Args:
            give_up_in: Seconds after which no further batch is begun.
        """
        self._exporter.give_up_in(give_up_in)
        self._batch.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves it without types

    def _forget_parent(self) -> None:
        """A forked child begins with an empty queue."""
        self._queued = itertools.count(1)
        self._dropped = -self._exporter.received


class LedgerProcessor(SpanProcessor):
    """Stamps and queues every span of a provider; without a queue, before and after, it leaves spans alone."""

    def __init__(self) -> None:
        self.queue: ExportQueue | None = None
        """Where ended spans go; None where Spanledger is not configured or shut down."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp what is known of user, execution, task, step and prompt; what the span says itself stays."""
        with guarded("identity"):
            known = current_identity(parent_context).attributes
            if known and self.queue is not None:
                said = span.attributes or {}
                span.set_attributes({name: value for name, value in known.items() if name not in said})

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span for export."""
        with guarded("queue.put"):
            if self.queue is None:
                count_loss("shutdown", "a span ended after shutdown")
            else:
                self.queue.put(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what is queued; False if any of it was lost.

        Args:
            timeout_millis: Has no effect on the SDK's queue; :func:`spanledger.flush` bounds the wait.
        """
        del timeout_millis
        with guarded("queue.flush"):
            return self.queue is None or self.queue.flush()
        return False

    def shutdown(self) -> None:
        """Deliver what is queued and stop; spans that end later are counted as lost."""
        queue, self.queue = self.queue, None
        with guarded("queue.shutdown"):
            if queue is not None:
                queue.close(EXIT_SECONDS)

"""What happens to every span: identity is stamped when it starts, and it is queued for export when it ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace import SpanProcessor

from spanledger import environment
from spanledger.guard import count_loss, guarded
from spanledger.identity import current_identity

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from spanledger.batching import BatchQueue

__all__ = ["LedgerProcessor", "exit_seconds"]

EXIT_SECONDS: Final = 5.0
"""How long an ending process waits for a collector that does not answer."""


def exit_seconds() -> float:
    """Seconds that the end of the process may be held up: ``SPANLEDGER_EXIT_SECONDS``, else 5."""
    with guarded("exit_seconds"):
        stated = os.environ.get(environment.EXIT_SECONDS, "").strip()
        return max(0.0, float(stated)) if stated else EXIT_SECONDS
    return EXIT_SECONDS


class LedgerProcessor(SpanProcessor):
    """Stamps and queues every span of a provider; without a queue, before and after, it leaves spans alone."""

    def __init__(self) -> None:
        self.queue: BatchQueue | None = None
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
        """Deliver what is queued; False if it is not delivered in time, was lost, or waits in the spool.

        Args:
            timeout_millis: Milliseconds to wait at most.
        """
        with guarded("queue.flush"):
            return self.queue is None or self.queue.flush(timeout_millis / 1_000)
        return False

    def secure(self, seconds: float) -> None:
        """Deliver what is queued, or leave it where it outlives the process.

        Args:
            seconds: How long to wait for the collector at most.
        """
        with guarded("queue.secure"):
            if self.queue is not None:
                self.queue.secure(seconds)

    def shutdown(self) -> None:
        """Deliver what is queued, or leave it in the spool, and stop; spans that end later are counted as lost."""
        queue, self.queue = self.queue, None
        with guarded("queue.shutdown"):
            if queue is not None:
                queue.close(exit_seconds())

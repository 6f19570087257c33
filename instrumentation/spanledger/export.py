"""The exporter that prices spans on their way out, in the batch thread, off the engine's path."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from spanledger.charging import cost_attributes
from spanledger.guard import count_loss, guarded
from spanledger.outbox import Outbox
from spanledger.values import encodable, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.util.types import Attributes

    from spanledger.pricing import Calculator

__all__ = ["PricingExporter"]


class PricingExporter(SpanExporter):
    """Adds to each paid span what it cost, and hands the batch to the exporter behind.

    Never raises. A batch that the exporter behind does not take is lost, and counted under ``export``.

    Args:
        inner: The exporter behind.
        calculator: The price book's calculator.
    """

    def __init__(self, inner: SpanExporter, calculator: Calculator) -> None:
        self._inner = inner
        self._calculator = calculator
        self._give_up_at: float | None = None
        self.lost = 0
        """Spans that the exporter behind did not take."""

    def give_up_in(self, seconds: float) -> None:
        """Ask an engine's own exporter nothing more once so many seconds have passed; the rest is counted as lost.

        Ours waits for nobody, and goes on.
        """
        if not isinstance(self._inner, Outbox):
            self._give_up_at = time.monotonic() + seconds

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Price a batch and hand it on; FAILURE if it is lost."""
        result: SpanExportResult | None = None
        if self._give_up_at is None or time.monotonic() < self._give_up_at:
            with guarded("export.exporter"):
                result = self._inner.export([self._priced(span) for span in spans])
        if result is SpanExportResult.SUCCESS:
            return result
        self.lost += len(spans)
        if not isinstance(self._inner, Outbox) or result is None:  # which counts what it loses
            count_loss("export", f"{len(spans)} spans could not be delivered", count=len(spans))
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Shut the exporter behind down."""
        with guarded("export.shutdown"):
            self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter behind; False if it could not.

        Args:
            timeout_millis: Milliseconds it may take.
        """
        with guarded("export.flush"):
            return self._inner.force_flush(timeout_millis) is not False  # one that has nothing to flush says nothing
        return False

    def secure(self, seconds: float) -> None:
        """Flush the exporter behind; ours leaves in the spool what it cannot deliver in time.

        Args:
            seconds: How long to wait for the collector at most.
        """
        with guarded("export.secure"):
            if isinstance(self._inner, Outbox):
                self._inner.secure(seconds)
            else:
                self._inner.force_flush(int(seconds * 1_000))

    def _priced(self, span: ReadableSpan) -> ReadableSpan:
        """The span with its cost; the span itself if there is nothing to add or adding fails."""
        with guarded("export.pricing"):
            added = cost_attributes(span, self._calculator)
            if added or not _is_encodable(span):
                return _Replacement(span, {**(span.attributes or {}), **added})
        return span


def _is_encodable(span: ReadableSpan) -> bool:
    """Whether name and status survive UTF-8; one that does not would sink the whole batch."""
    return encodable(span.name) and encodable(span.status.description or "")


class _Replacement(ReadableSpan):
    """A span like another, with other attributes and its texts made encodable.

    What the original dropped for exceeding a limit is reported as before.
    """

    def __init__(self, span: ReadableSpan, attributes: Attributes) -> None:
        status = span.status
        if status.description is not None:
            status = Status(status.status_code, text(status.description))
        super().__init__(
            name=text(span.name),
            context=span.get_span_context(),
            parent=span.parent,
            resource=span.resource,
            attributes=attributes,
            events=span.events,
            links=span.links,
            kind=span.kind,
            status=status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )
        self._dropped = (span.dropped_attributes, span.dropped_events, span.dropped_links)

    @property
    def dropped_attributes(self) -> int:
        """Attributes that the original span had no room for."""
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        """Events that the original span had no room for."""
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        """Links that the original span had no room for."""
        return self._dropped[2]

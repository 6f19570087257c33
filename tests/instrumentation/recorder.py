"""What an engine under test exported, as the collector would get it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanledger
from spanledger.attributes import COST_SERVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["Recorder", "attributes_of"]


class Recorder:
    """The spans that came out of the configured pipeline."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def spans(self) -> list[ReadableSpan]:
        """Every span exported so far, after a flush."""
        assert spanledger.flush()
        return list(self.exporter.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """The one span of that name."""
        found = [span for span in self.spans() if span.name == name]
        assert len(found) == 1, f"{len(found)} spans are named {name!r}: {[span.name for span in self.spans()]}"
        return found[0]

    def attributes(self, name: str) -> Mapping[str, object]:
        """Attributes of the one span of that name."""
        return attributes_of(self.span(name))

    def costs(self) -> list[Mapping[str, object]]:
        """Attributes of every cost record, in the order of their ends."""
        records = [attributes_of(span) for span in self.spans()]
        return [record for record in records if COST_SERVICE in record]

    def cost(self) -> Mapping[str, object]:
        """Attributes of the one cost record."""
        records = self.costs()
        assert len(records) == 1, f"{len(records)} cost records"
        return records[0]


def attributes_of(span: ReadableSpan) -> Mapping[str, object]:
    """The attributes of a span, none of which is no attribute at all."""
    return dict(span.attributes or {})

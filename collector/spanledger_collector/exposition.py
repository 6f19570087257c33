"""The collector's own metrics, in Prometheus' text format.

Names follow Prometheus' conventions: a prefix, a base unit, ``_total`` for what only grows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from spanledger_collector.intake import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_collector.intake import Intake
    from spanledger_collector.loader import Loader
    from spanledger_collector.segments import SegmentLog

__all__ = ["Exposition"]

_PREFIX: Final = "spanledger_collector"


class Exposition:
    """Reads the stages' counts whenever it is asked; nothing is counted twice and nothing is reset.

    Args:
        intake: Counts requests.
        log: Knows what waits.
        loader: Counts what was loaded.
    """

    def __init__(self, intake: Intake, log: SegmentLog, loader: Loader) -> None:
        self._intake = intake
        self._log = log
        self._loader = loader
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Every metric with its help."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metrics as prometheus-client takes them."""
        acknowledged = self._intake.acknowledged
        refused = CounterMetricFamily(
            f"{_PREFIX}_requests_refused", "Requests not taken, by reason.", labels=["reason"]
        )
        for reason in Refusal:
            refused.add_metric([reason], self._intake.refused[reason])
        yield refused
        yield self._counter("requests_received", "Requests that arrived.", acknowledged + self._intake.refused.total())
        yield self._counter("requests_acknowledged", "Requests synced to disk and answered.", acknowledged)
        repeated = self._intake.repeated
        yield self._counter("requests_repeated", "Acknowledged requests with the bytes of a recent one.", repeated)
        spans = self._intake.acknowledged_spans
        yield self._counter("spans_acknowledged", "Spans in acknowledged requests, repeats included.", spans)
        counts = self._loader.counts
        yield self._counter("segments_loaded", "Segments of the write-ahead log that were emptied.", counts.segments)
        yield self._counter("loaded_bytes", "Their length on disk.", counts.bytes)
        yield self._counter("load_retries", "Attempts to load that failed and are repeated.", counts.retries)
        yield self._counter(
            "requests_quarantined", "Acknowledged requests set aside as unreadable.", counts.quarantined
        )
        yield self._gauge("segment_bytes", "Bytes acknowledged and not yet loaded.", self._log.pending_bytes)
        yield self._gauge("segments_waiting", "Closed segments that wait to be loaded.", self._log.pending_segments)
        oldest = self._log.oldest_pending_ns
        lag = 0.0 if oldest is None else max(0, time.time_ns() - oldest) / 1e9
        yield self._gauge("lag_seconds", "Age of the oldest segment that is not loaded; 0 if all are.", lag)

    @staticmethod
    def _counter(name: str, text: str, value: float) -> Metric:
        return CounterMetricFamily(f"{_PREFIX}_{name}", text, value=value)

    @staticmethod
    def _gauge(name: str, text: str, value: float) -> Metric:
        return GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)

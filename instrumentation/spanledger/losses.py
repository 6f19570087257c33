"""What was lost is told: as a small span beside the next batch, and as a metric where the engine has any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import metrics
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags

from spanledger.attributes import LOSSES_PREFIX
from spanledger.clock import now_ns
from spanledger.guard import guarded, losses
from spanledger.ids import UnseededIds
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import CallbackOptions
    from opentelemetry.sdk.resources import Resource

__all__ = ["LossReport", "observe_losses"]

SPAN_NAME: Final = "spanledger.losses"
METRIC_NAME: Final = "spanledger.losses"
_SCOPE: Final = InstrumentationScope("spanledger", __version__)


class LossReport:
    """Tells of each loss once, from when it is made."""

    def __init__(self) -> None:
        self._told = losses()
        self._ids = UnseededIds()

    def span(self, resource: Resource) -> ReadableSpan | None:
        """A span with what each site has counted since the last one; None if nothing was lost.

        Args:
            resource: The engine.
        """
        now = losses()
        lost = {site: count - self._told.get(site, 0) for site, count in now.items() if count > self._told.get(site, 0)}
        if not lost:
            return None
        self._told = now
        moment = now_ns()
        return ReadableSpan(
            SPAN_NAME,
            context=SpanContext(
                self._ids.generate_trace_id(),
                self._ids.generate_span_id(),
                is_remote=False,
                trace_flags=TraceFlags(TraceFlags.SAMPLED),
            ),
            resource=resource,
            attributes={LOSSES_PREFIX + site: count for site, count in lost.items()},
            start_time=moment,
            end_time=moment,
            instrumentation_scope=_SCOPE,
        )


def observe_losses() -> None:
    """Count losses by site in the metric ``spanledger.losses`` of the engine's meter provider, if it has one."""
    with guarded("losses.metric"):
        metrics.get_meter("spanledger", __version__).create_observable_counter(
            METRIC_NAME, [_observe], unit="{loss}", description="Spans lost and telemetry failed, by site."
        )


def _observe(options: CallbackOptions) -> Iterator[metrics.Observation]:
    del options
    for site, count in losses().items():
        yield metrics.Observation(count, {"site": site})

"""Alerts as metrics: how many were raised and sent, and what waits."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from spanledger.exceptions import RetryableError
from spanledger_api.rows import integer, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["AlertExposition"]

_PREFIX: Final = "spanledger_alerts"
_RAISED: Final = "SELECT kind, severity, count() AS alerts FROM alerts_local FINAL GROUP BY kind, severity"
_DELIVERIES: Final = """
SELECT
    channel,
    sum(is_sent) AS sent, sum(is_failed) AS failed, sum(is_pending) AS pending, toInt64(sum(tried)) AS attempts,
    greatest(0, dateDiff('millisecond', minIf(since, is_pending = 1), now64(3, 'UTC'))) AS age_ms
FROM
(
    SELECT
        channel, if(notice_id = toUUID('00000000-0000-0000-0000-000000000000'), alert_id, notice_id) AS notice,
        max(status = 'sent') AS is_sent, max(status = 'failed') AS is_failed, max(status = 'pending') AS is_pending,
        max(alert_deliveries_local.attempts) AS tried, min(created_at) AS since
    FROM alert_deliveries_local FINAL
    GROUP BY channel, notice
)
GROUP BY channel
ORDER BY channel
"""
_log = logging.getLogger(__name__)


class AlertExposition:
    """Counts in the ledger whenever it is asked, so that every replica shows the same.

    Args:
        ledger: The ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[Metric]:
        """The metrics as prometheus-client takes them; none while the ledger does not answer."""
        try:
            raised, deliveries = self._ledger.query(_RAISED), self._ledger.query(_DELIVERIES)
        except (ClickHouseError, RetryableError) as error:
            _log.warning("The counters of alerts are left out: %s", error)
            return
        counted = CounterMetricFamily(f"{_PREFIX}_raised", "Alerts raised.", labels=["kind", "severity"])
        for row in raised:
            counted.add_metric([text(row, "kind"), text(row, "severity")], integer(row, "alerts"))
        yield counted
        yield from _counters(deliveries)
        yield from _gauges(deliveries)


def _counters(rows: Sequence[Row]) -> Iterator[Metric]:
    for name, column, words in (
        ("delivered", "sent", "Notices that were taken."),
        ("failed", "failed", "Notices that were refused or given up."),
        ("attempts", "attempts", "Attempts to deliver a notice."),
    ):
        counter = CounterMetricFamily(f"{_PREFIX}_{name}", words, labels=["channel"])
        for row in rows:
            counter.add_metric([text(row, "channel")], integer(row, column))
        yield counter


def _gauges(rows: Sequence[Row]) -> Iterator[Metric]:
    depth = GaugeMetricFamily(f"{_PREFIX}_outbox_depth", "Notices that wait.", labels=["channel"])
    age = GaugeMetricFamily(
        f"{_PREFIX}_outbox_age_seconds", "Age of the oldest notice that waits; 0 without any.", labels=["channel"]
    )
    for row in rows:
        waiting = integer(row, "pending")
        depth.add_metric([text(row, "channel")], waiting)
        age.add_metric([text(row, "channel")], integer(row, "age_ms") / 1000 if waiting else 0.0)
    yield depth
    yield age

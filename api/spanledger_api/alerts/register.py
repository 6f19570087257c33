"""The alerts in the ledger: written once each, together with whom they are to be sent to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from spanledger_api.alerts.alert import Alert
from spanledger_api.alerts.kinds import Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["ALERT_COLUMNS", "Finding", "alert_of", "known_alerts", "raise_alerts"]

ALERT_COLUMNS: Final = (
    *("alert_id", "rule_id", "rule_name", "kind", "severity", "occurred_at", "detected_at", "service", "user_id"),
    *("operation", "task_type", "execution_id", "record_id", "value", "threshold", "currency", "period_start"),
    *("period_end", "message_key", "words"),
)
"""The columns that make an alert."""

_DELIVERY_COLUMNS: Final = (
    *("alert_id", "channel", "status", "attempts", "created_at", "next_attempt_at", "error", "version"),
)
_KNOWN: Final = "SELECT DISTINCT alert_id FROM alerts_local WHERE alert_id IN {ids:Array(UUID)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something noticed, and who is to hear of it.

    Attributes:
        alert: What was noticed.
        channels: Names of the channels that are told.
        silent_because: Why they are not told after all; empty if they are.
    """

    alert: Alert
    channels: tuple[str, ...] = ()
    silent_because: str = ""


def known_alerts(ledger: Ledger, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the identifiers that the ledger already has an alert for."""
    wanted = [str(each) for each in ids]
    if not wanted:
        return set()
    return {cast("UUID", row["alert_id"]) for row in ledger.query(_KNOWN, {"ids": wanted})}


def raise_alerts(ledger: Ledger, findings: Sequence[Finding]) -> list[Alert]:
    """Write down what is not written down yet, deliveries first: an alert without them would never be sent.

    Interrupted anywhere, it may be repeated: the rows are the same ones again, and what a delivery has come to since
    has a higher version.

    Args:
        ledger: A ledger with the current schema.
        findings: What was noticed.

    Returns:
        The alerts that are new.
    """
    known = known_alerts(ledger, [finding.alert.alert_id for finding in findings])
    new = {each.alert.alert_id: each for each in findings if each.alert.alert_id not in known}
    deliveries = [_delivery(each, channel) for each in new.values() for channel in each.channels]
    alerts = [[*(getattr(each.alert, name) for name in ALERT_COLUMNS), 0] for each in new.values()]
    with ledger.borrow() as client:
        if deliveries:
            client.insert("alert_deliveries_local", deliveries, column_names=_DELIVERY_COLUMNS)
        if alerts:
            client.insert("alerts_local", alerts, column_names=(*ALERT_COLUMNS, "version"))
    return [each.alert for each in new.values()]


def _delivery(finding: Finding, channel: str) -> list[object]:
    detected = finding.alert.detected_at
    status = "muted" if finding.silent_because else "pending"
    return [finding.alert.alert_id, channel, status, 0, detected, detected, finding.silent_because, 0]


def alert_of(row: Row) -> Alert:
    """An alert as it was written down, from a row with :data:`ALERT_COLUMNS`."""
    return Alert(
        alert_id=cast("UUID", row["alert_id"]),
        kind=Kind(str(row["kind"])),
        severity=Severity(str(row["severity"])),
        occurred_at=cast("datetime", row["occurred_at"]),
        detected_at=cast("datetime", row["detected_at"]),
        value=cast("Decimal", row["value"]),
        threshold=cast("Decimal", row["threshold"]),
        period_start=cast("datetime | None", row["period_start"]),
        period_end=cast("datetime | None", row["period_end"]),
        words=cast("dict[str, str]", row["words"]),
        **{name: str(row[name]) for name in _TEXTS},
    )


_TEXTS: Final = (
    *("rule_id", "rule_name", "currency", "message_key", "service", "user_id", "operation", "task_type"),
    *("execution_id", "record_id"),
)

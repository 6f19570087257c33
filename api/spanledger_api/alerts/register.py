"""The alerts in the ledger: written once each, together with whom they are to be sent to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from spanledger.values import decimal_text
from spanledger_api.alerts.alert import Alert
from spanledger_api.alerts.kinds import Kind, Severity
from spanledger_api.times import nanoseconds_of

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

_FINDINGS_A_STATEMENT: Final = 200
_TEXTS: Final = (
    *("rule_id", "rule_name", "currency", "message_key", "service", "user_id", "operation", "task_type"),
    *("execution_id", "record_id"),
)
# The rows travel as one JSON text: inserting them as rows of Python's would load pandas into the process, for seconds.
_WRITE_ALERTS: Final = f"""
INSERT INTO alerts_local
(
    {", ".join(_TEXTS)}, alert_id, kind, severity, occurred_at, detected_at, value, threshold, period_start, period_end,
    words, version
)
SELECT
    {", ".join(f"a.{name}" for name in _TEXTS)}, toUUID(a.alert_id), a.kind, a.severity,
    fromUnixTimestamp64Micro(a.occurred_at, 'UTC'), fromUnixTimestamp64Milli(a.detected_at, 'UTC'),
    toDecimal128(a.value, 12), toDecimal128(a.threshold, 12),
    if(a.has_period, fromUnixTimestamp64Milli(a.period_start, 'UTC'), NULL),
    if(a.has_period, fromUnixTimestamp64Milli(a.period_end, 'UTC'), NULL),
    mapFromArrays(a.words, a.values), 0
FROM
(
    SELECT arrayJoin(JSONExtract({{rows:String}}, 'Array(Tuple(
        {", ".join(f"{name} String" for name in _TEXTS)}, alert_id String, kind String, severity String,
        occurred_at Int64, detected_at Int64, value String, threshold String, has_period UInt8, period_start Int64,
        period_end Int64, words Array(String), values Array(String)))')) AS a
)
SETTINGS async_insert = 0
"""  # noqa: S608 - names of columns that stand in this program
_WRITE_DELIVERIES: Final = """
INSERT INTO alert_deliveries_local
    (alert_id, channel, status, attempts, created_at, next_attempt_at, error, version)
SELECT toUUID(d.alert_id), d.channel, d.status, 0, created, created, d.error, 0
FROM
(
    SELECT
        arrayJoin(JSONExtract({rows:String}, 'Array(Tuple(
            alert_id String, channel String, status String, created_at Int64, error String))')) AS d,
        fromUnixTimestamp64Milli(d.created_at, 'UTC') AS created
)
SETTINGS async_insert = 0
"""
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
    found = list(new.values())
    for start in range(0, len(found), _FINDINGS_A_STATEMENT):
        part = found[start : start + _FINDINGS_A_STATEMENT]
        if deliveries := [_delivery(each, channel) for each in part for channel in each.channels]:
            ledger.command(_WRITE_DELIVERIES, {"rows": json.dumps(deliveries)})
        ledger.command(_WRITE_ALERTS, {"rows": json.dumps([_alert_row(each.alert) for each in part])})
    return [each.alert for each in found]


def _alert_row(alert: Alert) -> dict[str, object]:
    begin, end = alert.period_start, alert.period_end
    return {
        **{name: getattr(alert, name) for name in _TEXTS},
        "alert_id": str(alert.alert_id),
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "occurred_at": nanoseconds_of(alert.occurred_at) // 1000,
        "detected_at": _milliseconds(alert.detected_at),
        "value": decimal_text(alert.value),
        "threshold": decimal_text(alert.threshold),
        "has_period": int(begin is not None and end is not None),
        "period_start": 0 if begin is None else _milliseconds(begin),
        "period_end": 0 if end is None else _milliseconds(end),
        "words": list(alert.words.keys()),
        "values": list(alert.words.values()),
    }


def _delivery(finding: Finding, channel: str) -> dict[str, object]:
    return {
        "alert_id": str(finding.alert.alert_id),
        "channel": channel,
        "status": "muted" if finding.silent_because else "pending",
        "created_at": _milliseconds(finding.alert.detected_at),
        "error": finding.silent_because,
    }


def _milliseconds(moment: datetime) -> int:
    return nanoseconds_of(moment) // 1_000_000


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

"""Alerts as readers see them: what was noticed, where it stands, and what became of its notices."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from string import Template
from typing import cast
from uuid import UUID

from pydantic import BaseModel, Field

from spanledger_api.alerts.collecting import NO_NOTICE
from spanledger_api.alerts.kinds import Kind, Severity, Status
from spanledger_api.alerts.register import ALERT_COLUMNS, alert_of
from spanledger_api.amounts import Amount
from spanledger_api.filters import Where
from spanledger_api.messages import Locale
from spanledger_api.paging import Page, Paged
from spanledger_api.parameters import Instant
from spanledger_api.rows import Row, ask, integer, text
from spanledger_api.times import format_rfc3339, nanoseconds_of
from spanledger_clickhouse.ledger import Ledger

__all__ = ["AlertFacts", "AlertRow", "AlertsParameters", "find_alert", "read_alerts"]

_ALERTS = Template(f"""
SELECT {", ".join(ALERT_COLUMNS)}, acknowledged_by, acknowledged_at,
    multiIf(
        isNotNull(acknowledged_at), 'acknowledged',
        kind IN ('budget', 'forecast', 'unpriced')
            AND ifNull(period_end <= fromUnixTimestamp64Nano({{now_ns:Int64}}, 'UTC'), 0), 'resolved',
        'open') AS state
FROM alerts
WHERE $where
ORDER BY detected_at DESC, alert_id
""")  # noqa: S608 - names of columns that stand in this program
_DELIVERIES = Template("""
SELECT alert_id, toString(alert_id) AS alert, channel, status, attempts, delivered_at, error, notice_id
FROM alert_deliveries
WHERE $where
ORDER BY channel
""")


class DeliveryStatus(StrEnum):
    """How far a notice has come."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    MUTED = "muted"


class DeliveryRow(BaseModel):
    """One notice of an alert."""

    channel: str
    status: DeliveryStatus = Field(examples=["sent"])
    attempts: int
    delivered_at: str | None = Field(description="RFC 3339; null until it was taken.")
    error: str | None = Field(description="Why it was not taken last time, or not sent; null where there is nothing.")
    notice_id: str | None = Field(
        description="The notice that tells of it together with others; null: it has a notice of its own."
    )


class AlertFacts(BaseModel):
    """What was noticed."""

    alert_id: str
    rule_id: str = Field(description="The rule or the budget that asked for it.")
    rule_name: str
    kind: Kind
    severity: Severity
    message: str = Field(description="What it says, in the language asked for.")
    occurred_at: str = Field(description="RFC 3339.")
    detected_at: str = Field(description="RFC 3339.")
    service: str | None
    user_id: str | None
    operation: str | None
    task_type: str | None
    execution_id: str | None
    record_id: str | None
    value: Amount = Field(description="What was measured: an amount, or days or percent where `currency` is null.")
    threshold: Amount = Field(description="What it was measured against, in the same unit.")
    currency: str | None
    period_start: str | None = Field(description="RFC 3339; null without a period.", examples=[None])
    period_end: str | None = Field(description="RFC 3339; null without a period.", examples=[None])


class AlertRow(AlertFacts):
    """One alert."""

    status: Status
    acknowledged_by: str | None
    acknowledged_at: str | None = Field(description="RFC 3339.")
    deliveries: list[DeliveryRow] = Field(description="By channel. Empty for a key that sees only some rows.")


class AlertsParameters(Paged, extra="forbid", frozen=True):
    """Parameters of the list of alerts."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most; `Link` names the next page, if any.")
    status: Status | None = Field(None, description="Those in this state only.")
    kind: Kind | None = Field(None, description="Those of this kind only.")
    severity: Severity | None = Field(None, description="Those that matter so much only.")
    rule_id: str | None = Field(None, alias="ruleId", description="Those of this rule or budget only.")
    start: Instant | None = Field(None, alias="from", description="Noticed at this instant or later (RFC 3339).")
    end: Instant | None = Field(None, alias="to", description="Noticed before this instant (RFC 3339).")

    def where(self) -> Where:
        """The conditions on the alerts."""
        stated = {"state": self.status, "kind": self.kind, "severity": self.severity, "rule_id": self.rule_id}
        bound: dict[str, object] = {name: str(value) for name, value in stated.items() if value is not None}
        conditions = ["1", *(f"{name} = {{{name}:String}}" for name in bound)]
        for name, sign, instant in (("window_start", ">=", self.start), ("window_end", "<", self.end)):
            if instant is not None:
                conditions.append(f"detected_at {sign} fromUnixTimestamp64Nano({{{name}:Int64}}, 'UTC')")
                bound[name] = instant
        return Where(tuple(conditions), bound)


def read_alerts(
    ledger: Ledger, where: Where, now: datetime, locale: Locale, page: Page | None = None
) -> list[AlertRow]:
    """Alerts that meet the conditions, the newest first; errors as of ``rows.ask``."""
    rows = ask(ledger, _ALERTS, where, page, now_ns=nanoseconds_of(now))
    deliveries = _deliveries(ledger, [cast("UUID", row["alert_id"]) for row in rows])
    return [_row(row, deliveries[str(row["alert_id"])], locale) for row in rows]


def find_alert(ledger: Ledger, alert_id: UUID, now: datetime, locale: Locale) -> AlertRow | None:
    """One alert; None if there is none of this id, or none that the reader sees."""
    chosen = Where(("alert_id = {alert_id:UUID}",), {"alert_id": str(alert_id)})
    return next(iter(read_alerts(ledger, chosen, now, locale)), None)


def _deliveries(ledger: Ledger, ids: Sequence[UUID]) -> dict[str, list[DeliveryRow]]:
    found: dict[str, list[DeliveryRow]] = defaultdict(list)
    if ids:
        where = Where(("alert_id IN {ids:Array(UUID)}",), {"ids": [str(each) for each in ids]})
        for row in ask(ledger, _DELIVERIES, where):
            found[text(row, "alert")].append(
                DeliveryRow(
                    channel=text(row, "channel"),
                    status=DeliveryStatus(text(row, "status")),
                    attempts=integer(row, "attempts"),
                    delivered_at=_shown(row["delivered_at"]),
                    error=text(row, "error") or None,
                    notice_id=None if row["notice_id"] in {NO_NOTICE, row["alert_id"]} else str(row["notice_id"]),
                )
            )
    return found


def _row(row: Row, deliveries: list[DeliveryRow], locale: Locale) -> AlertRow:
    alert = alert_of(row)
    by = row["acknowledged_by"]
    return AlertRow.model_validate(
        {
            **alert.facts(),
            "status": Status(text(row, "state")),
            "message": alert.message(locale),
            "acknowledged_by": None if by is None else str(by),
            "acknowledged_at": _shown(row["acknowledged_at"]),
            "deliveries": deliveries,
        }
    )


def _shown(cell: object) -> str | None:
    return format_rfc3339(nanoseconds_of(cell)) if isinstance(cell, datetime) else None

"""Acknowledging an alert: who has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spanledger_api.times import nanoseconds_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["acknowledge"]

# The earliest one wins, so that who was first stays.
_WRITE: Final = """
INSERT INTO alert_acknowledgements_local (alert_id, acknowledged_by, acknowledged_at, version)
SELECT {alert_id:UUID}, {who:String}, {at:DateTime64(3, 'UTC')}, {version:Int64}
"""


def acknowledge(ledger: Ledger, alert_id: UUID, who: str, at: datetime) -> None:
    """Write down who has seen an alert; of several the first stays."""
    version = -nanoseconds_of(at) // 1_000_000
    ledger.command(_WRITE, {"alert_id": str(alert_id), "who": who, "at": at, "version": version})

"""What administrators did: one line each, only ever added."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from spanledger_api.encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_api.access.principal import Principal
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Action", "record"]

_WRITE: Final = """
INSERT INTO audit_log_local (entry_id, recorded_at, actor, actor_name, action, subject, detail)
SELECT
    {entry_id:UUID}, now64(6), {actor:String}, {actor_name:String}, {action:String}, {subject:String}, {detail:String}
"""


class Action(StrEnum):
    """What was done."""

    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    ALERT_RULE_CHANGED = "alert_rule.changed"
    ALERT_RULE_REMOVED = "alert_rule.removed"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    BUDGET_CHANGED = "budget.changed"
    BUDGET_REMOVED = "budget.removed"
    MUTE_CHANGED = "mute.changed"
    MUTE_REMOVED = "mute.removed"
    RECOMMENDATION_DISMISSED = "recommendation.dismissed"
    RECOMMENDATION_RESTORED = "recommendation.restored"
    HISTORY_REPRICED = "history.repriced"
    SCHEMA_MIGRATED = "schema.migrated"


def record(
    ledger: Ledger, actor: Principal, action: Action, subject: str, detail: Mapping[str, object] | None = None
) -> None:
    """Add one line to the log.

    Call it after the change has been made: what is in the log did happen.

    Args:
        ledger: The ledger that was changed.
        actor: Who changed it.
        action: What was done.
        subject: What it was done to, by its id.
        detail: What else matters, as JSON can hold it; never a secret. None for nothing.

    Raises:
        ClickHouseError: The ledger does not take the line.
    """
    ledger.command(
        _WRITE,
        {
            "entry_id": str(uuid4()),
            "actor": actor.key_id or actor.authentication.value,
            "actor_name": actor.name or "",
            "action": action.value,
            "subject": subject,
            "detail": to_json(dict(detail or {})).decode(),
        },
    )

"""What administrators did: one line each, only ever added.

Whoever changes something says so by :func:`record`. Requests are watched besides, by
:class:`~spanledger_api.access.audit_middleware.AuditMiddleware`: one that changed something and said nothing gets a
line all the same, so no operation can be forgotten.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from spanledger_api.encoding import to_json
from spanledger_api.request_ids import current_request_id

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from spanledger_api.access.principal import Principal
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["REQUEST_ID_FIELD", "Action", "record", "watched"]

REQUEST_ID_FIELD: Final = "request_id"
"""Where the detail of a line says by which request it came about; it has none where no request was."""

_WRITE: Final = """
INSERT INTO audit_log_local (entry_id, recorded_at, actor, actor_name, action, subject, detail)
SELECT
    {entry_id:UUID}, now64(6), {actor:String}, {actor_name:String}, {action:String}, {subject:String}, {detail:String}
"""

_seen: ContextVar[list[Action] | None] = ContextVar("recorded_actions", default=None)


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
    CHANNELS_TRIED = "channels.tried"
    HISTORY_REPRICED = "history.repriced"
    HISTORY_RESTORED = "history.restored"
    RETENTION_CHANGED = "retention.changed"
    SCHEMA_MIGRATED = "schema.migrated"
    REQUEST_ANSWERED = "request.answered"
    """Something that no other action names, or that changed nothing because it was so already."""
    REQUEST_DENIED = "request.denied"
    """Somebody who is known asked for what they may not."""


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
            "detail": to_json({**(detail or {}), **_origin()}).decode(),
        },
    )
    seen = _seen.get()
    if seen is not None:
        seen.append(action)


@contextmanager
def watched() -> Generator[list[Action]]:
    """Collect what is recorded inside of the block, in whichever thread the block's work is done."""
    # A list, not its items, is what a thread's copy of the context shares with this one.
    seen: list[Action] = []
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def _origin() -> dict[str, str]:
    found = current_request_id()
    return {REQUEST_ID_FIELD: found} if found else {}

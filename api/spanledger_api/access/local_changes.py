"""What somebody changes on the ledger itself, without a request: who that is, and the lines it leaves in the log."""

from __future__ import annotations

import getpass
import os
import platform
from typing import TYPE_CHECKING

from spanledger.values import decimal_text
from spanledger_api.access.audit import Action, record
from spanledger_api.access.principal import COMMAND_LINE, Authentication, Principal, Role
from spanledger_clickhouse.repricing import BatchKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spanledger_api.access.keys import AccessKey
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.migrations import Migration
    from spanledger_clickhouse.repricing import Batch
    from spanledger_clickhouse.retention import Retention

__all__ = ["local_operator", "record_batches", "record_key", "record_schema"]


def local_operator() -> Principal:
    """Whoever runs a command on the ledger itself: an administrator, called by the account and the machine."""
    try:
        account = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have a number and no name
        account = str(os.getuid())
    return Principal(Authentication.NONE, Role.ADMIN, COMMAND_LINE, f"{account}@{platform.node()}")


def record_key(ledger: Ledger, action: Action, key: AccessKey) -> None:
    """Note that a key was made or revoked."""
    record(ledger, local_operator(), action, key.key_id, {"name": key.name, "role": key.role.value})


def record_schema(ledger: Ledger, applied: Sequence[Migration], retained: Iterable[Retention]) -> None:
    """Note which migrations ran, in one line, and whose retention changed, in a line each; nothing for none.

    Making a new ledger changes nothing for anybody, and it stays empty: a copy goes into an empty one.
    """
    if applied and applied[0].version == 1:
        return
    if applied:
        names = [f"{each.version:04d}_{each.name}" for each in applied]
        record(ledger, local_operator(), Action.SCHEMA_MIGRATED, names[-1], {"applied": names})
    for each in retained:
        record(ledger, local_operator(), Action.RETENTION_CHANGED, each.name, {"days": each.days})


def record_batches(ledger: Ledger, batches: Iterable[Batch]) -> None:
    """Note re-pricings that took or lost effect just now, and the taking back of some."""
    for batch in batches:
        action = Action.HISTORY_RESTORED if batch.kind is BatchKind.UNDO else Action.HISTORY_REPRICED
        detail = {
            "state": batch.state.value,
            "undoes": batch.undoes or None,
            "reason": batch.reason,
            "adjustments": batch.adjustments,
            "difference": {code: decimal_text(amount) for code, amount in (batch.difference or {}).items()},
        }
        record(ledger, local_operator(), action, batch.batch_id, detail)

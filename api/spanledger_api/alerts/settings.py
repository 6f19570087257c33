"""What requests set up: rules, budgets and mutes, each one JSON document in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel

from spanledger_api.encoding import to_json
from spanledger_api.rows import text

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["SETTINGS", "SettingKind", "read_setting", "read_settings", "remove_setting", "write_setting"]

_Model = TypeVar("_Model", bound=BaseModel)

SETTINGS: Final = "alert_settings_local"
"""The table that they are in."""

_READ: Final = """
SELECT id, definition FROM alert_settings_local FINAL
WHERE kind = {kind:String} AND NOT is_deleted ORDER BY id
"""
_WRITE: Final = """
INSERT INTO alert_settings_local (kind, id, definition, is_deleted, changed_at)
SELECT {kind:String}, {id:String}, {definition:String}, {is_deleted:UInt8}, {changed_at:DateTime64(6, 'UTC')}
"""


class SettingKind(StrEnum):
    """What a document is."""

    RULE = "rule"
    BUDGET = "budget"
    MUTE = "mute"


def read_settings(ledger: Ledger, kind: SettingKind, model: type[_Model]) -> dict[str, _Model]:
    """Every document of a kind by its id, in the order of the ids."""
    rows = ledger.query(_READ, {"kind": kind.value})
    return {text(row, "id"): model.model_validate_json(text(row, "definition")) for row in rows}


def read_setting(ledger: Ledger, kind: SettingKind, setting_id: str, model: type[_Model]) -> _Model | None:
    """One document; None if there is none of this id."""
    return read_settings(ledger, kind, model).get(setting_id)


def write_setting(ledger: Ledger, kind: SettingKind, setting_id: str, document: BaseModel) -> None:
    """Write a document, in the place of the one that has the id."""
    _write(ledger, kind, setting_id, to_json(document.model_dump(mode="python")).decode(), deleted=False)


def remove_setting(ledger: Ledger, kind: SettingKind, setting_id: str) -> None:
    """Remove a document; harmless when repeated."""
    _write(ledger, kind, setting_id, "", deleted=True)


def _write(ledger: Ledger, kind: SettingKind, setting_id: str, definition: str, *, deleted: bool) -> None:
    ledger.command(
        _WRITE,
        {
            "kind": kind.value,
            "id": setting_id,
            "definition": definition,
            "is_deleted": int(deleted),
            "changed_at": datetime.now(UTC),
        },
    )

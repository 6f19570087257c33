"""How far a reader of arrivals has come, kept in the ledger so that a restart goes on from there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Progress"]

_NOTHING_READ: Final = datetime.fromtimestamp(3_600, UTC)
"""Where who has read nothing begins: early enough, and with room to look back from."""


class Progress:
    """One reader's row of ``rater_progress``.

    Args:
        ledger: A ledger with the current schema.
        name: The reader's.
    """

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = ledger
        self._name = name

    def read(self) -> datetime:
        """Up to which arrival time everything has been read; shortly after 1970 if nothing has."""
        rows = self._ledger.query(
            "SELECT read_until FROM rater_progress FINAL WHERE name = {name:String}", {"name": self._name}
        )
        return cast("datetime", rows[0]["read_until"]) if rows else _NOTHING_READ

    def keep(self, read_until: datetime) -> None:
        """Keep that everything has been read up to an arrival time."""
        self._ledger.command(
            "INSERT INTO rater_progress (name, read_until) SELECT {name:String}, {read_until:DateTime64(3, 'UTC')}",
            {"name": self._name, "read_until": read_until},
        )

"""Where the watch of a ledger began, and how far it has read, by the ledger's own clock."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Progress"]

_NAME: Final = "operations"
_KEPT_EVERY: Final = timedelta(minutes=5)
_READ: Final = "SELECT read_from, read_until FROM alert_progress FINAL WHERE name = {name:String}"
_WRITE: Final = """
INSERT INTO alert_progress (name, read_from, read_until)
SELECT {name:String}, {read_from:DateTime64(3, 'UTC')}, {read_until:DateTime64(3, 'UTC')}
"""


class Progress:
    """Remembers how far alerts have read; a ledger that nobody watched yet is watched from now on.

    What is kept in the ledger may lag behind: what is read twice is noticed once. Several watches
    share it, each in a thread of its own.

    Args:
        ledger: A ledger with the current schema.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._span: tuple[datetime, datetime] | None = None
        self._kept: datetime | None = None
        self._lock = threading.RLock()

    def begin(self) -> None:
        """Watch from now on, unless the ledger is watched already."""
        with self._lock:
            self._known()

    @property
    def read_from(self) -> datetime:
        """When somebody first watched this ledger; nothing that was written before is looked at."""
        with self._lock:
            return self._known()[0]

    @property
    def read_until(self) -> datetime:
        """Up to when everything has been looked at."""
        with self._lock:
            return self._known()[1]

    def advance(self, read_until: datetime, *, keep: bool) -> None:
        """Go on.

        Args:
            read_until: How far it has read.
            keep: Whether to write it down at once, and not only now and then.
        """
        with self._lock:
            self._span = (self.read_from, read_until)
            if keep or self._kept is None or read_until - self._kept >= _KEPT_EVERY:
                self._write()

    def _known(self) -> tuple[datetime, datetime]:
        if self._span is None:
            rows = self._ledger.query(_READ, {"name": _NAME})
            if rows:
                self._span = cast("datetime", rows[0]["read_from"]), cast("datetime", rows[0]["read_until"])
            else:
                [row] = self._ledger.query("SELECT now64(3, 'UTC') AS now")
                now = cast("datetime", row["now"])
                self._span = now, now
                self._write()
        return self._span

    def _write(self) -> None:
        if self._span is not None:
            read_from, read_until = self._span
            self._ledger.command(_WRITE, {"name": _NAME, "read_from": read_from, "read_until": read_until})
            self._kept = read_until

"""What was last written to tables, told by the blocks of their parts: one look for all who ask again and again.

Every insert commits its rows as a part with a block number of its own, in the order of the commits, and a mutation
leaves its number in the names of the parts that it rewrites. A merge changes neither number. So a table whose numbers
are as they were is as it was, whoever writes to it, and who has read it need not read it again.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar, cast

from spanledger_clickhouse.part_name import PartName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["NO_BLOCKS", "TABLE_ID", "Blocks", "Kept", "TableWrites", "Written"]

_Value = TypeVar("_Value")

TABLE_ID: Final = "[0-9a-f]{8}-[0-9a-f-]{27}"
"""A table's id as it is in the path of its parts."""

_NUMBERED: Final = frozenset({"MergeTree", "ReplacingMergeTree", "AggregatingMergeTree"})
"""Engines that number blocks in the order of their commits, and whose parts are all on the server that is asked."""

# The rows of a hundred parts are put together here in a fraction of what it takes the engine to group them.
_LOOK: Final = """
SELECT table, engine, path, name, now64(3, 'UTC') AS now
FROM system.parts
WHERE active AND database = {database:String} AND table IN {tables:Array(String)}
"""

_NEVER_EMPTY: Final = "schema_migrations"
"""Is looked at with the others, so that there is a row that tells the time."""


class Blocks(NamedTuple):
    """How far a table is written."""

    table_id: str
    """Which table it is: one that is made anew counts from the beginning. Empty for a table without rows."""
    newest: int
    """The newest block, or mutation; 0 for a table without rows."""
    mutation: int
    """The newest mutation that rewrote some of it; 0 where none did."""

    def continues(self, earlier: Blocks) -> bool:
        """Whether everything that was written in between has a greater number than the newest was."""
        return earlier == NO_BLOCKS or (self.table_id == earlier.table_id and self.newest >= earlier.newest)


NO_BLOCKS: Final = Blocks("", 0, 0)
"""A table without rows."""


@dataclass(frozen=True, slots=True)
class Written:
    """How far some tables were written at one moment.

    Attributes:
        tables: By table. Where two are equal, nothing was written to the tables between their looks.
        now: The moment by the ledger's clock. What is committed later is not in it.
    """

    tables: Mapping[str, Blocks]
    now: datetime


class TableWrites:
    """Looks at the newest blocks of tables; may be asked from any thread.

    A statement that is made after a look reads at least what the look tells of. So look first, then read, and remember
    what was read together with the look.

    Args:
        ledger: Where the tables are.
        shared_seconds: For so long a look answers everybody who asks; with 0 each asks for himself. What somebody reads
            because of it is this much later at most.
    """

    def __init__(self, ledger: Ledger, shared_seconds: float = 0.0) -> None:
        self._ledger = ledger
        self._shared_seconds = shared_seconds
        self._lock = threading.Lock()
        self._asked = {_NEVER_EMPTY}
        self._looked_at = 0.0
        self._tables: dict[str, Blocks | None] = {}
        self._now: datetime | None = None

    def of(self, *tables: str) -> Written | None:
        """How far some tables are written.

        Returns:
            None where it cannot be told, and the tables must be read: on a cluster, one replica's parts say nothing
            about another's, and on a server a table without parts may be one that is hidden from us.

        Raises:
            ClickHouseError: The engine did not answer.
        """
        if self._ledger.dsn.cluster:
            return None
        with self._lock:
            if not self._asked.issuperset(tables) or time.monotonic() - self._looked_at >= self._shared_seconds:
                self._asked.update(tables)
                self._look()
            found = {table: blocks for table in tables if (blocks := self._tables[table]) is not None}
            return Written(found, self._now) if self._now is not None and len(found) == len(tables) else None

    def _look(self) -> None:
        looked_at = time.monotonic()
        rows = self._ledger.query(_LOOK, {"database": self._ledger.dsn.database, "tables": sorted(self._asked)})
        absent = NO_BLOCKS if self._ledger.dsn.embedded else None
        self._tables = dict.fromkeys(self._asked, absent)
        for table, parts in groupby(sorted(rows, key=_table), _table):
            self._tables[table] = _blocks(list(parts))
        self._now = cast("datetime", rows[0]["now"]) if rows else None
        self._looked_at = looked_at


def _table(part: Mapping[str, object]) -> str:
    return str(part["table"])


def _blocks(parts: Sequence[Mapping[str, object]]) -> Blocks | None:
    table_id = re.search(TABLE_ID, str(parts[0]["path"]))
    if parts[0]["engine"] not in _NUMBERED or table_id is None:
        return None
    names = [PartName.of(str(part["name"])) for part in parts]
    mutation = max(name.mutation for name in names)
    return Blocks(table_id[0], max(mutation, *(name.last for name in names)), mutation)


class Kept(Generic[_Value]):
    """What was read from some tables, kept for as long as nobody writes to them; may be asked from any thread.

    Args:
        writes: Tells whether somebody did.
        tables: All tables that are read.
        read: Reads them.
        seconds: For so long it is kept where it cannot be told.
    """

    def __init__(
        self, writes: TableWrites, tables: tuple[str, ...], read: Callable[[], _Value], seconds: float = 0.0
    ) -> None:
        self._writes = writes
        self._tables = tables
        self._read = read
        self._seconds = seconds
        self._last: tuple[Mapping[str, Blocks] | None, float, _Value] | None = None

    def value(self) -> _Value:
        """What the tables hold.

        Raises:
            ClickHouseError: The engine did not answer; what was read earlier is kept.
        """
        now, written, last = time.monotonic(), self._writes.of(*self._tables), self._last
        if written is None:
            is_fresh = last is not None and now - last[1] < self._seconds
        else:
            is_fresh = last is not None and last[0] == written.tables
        if last is None or not is_fresh:
            last = self._last = None if written is None else written.tables, now, self._read()
        return last[2]

"""What a process remembers of marks and pointers, for as long as nobody has written any."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast
from weakref import WeakKeyDictionary

from spanledger_clickhouse.rollups.changes import read_progress, read_touches
from spanledger_clickhouse.rollups.pointers import DAY, HOUR, LAST_DAY, Pointer, Pointers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.changes import Touches
    from spanledger_clickhouse.rollups.family import Source

__all__ = ["Known", "read_known"]

_MOST_DAYS: Final = 400
"""So many days' hours are remembered at most."""

_STATE_TABLES: Final = ("rollup_progress_local", "rollup_marks_local", "rollup_pointers_local")

# Every write adds a block or, where it removes something, a mutation.
_WRITTEN: Final = """
SELECT
    table,
    max(max_block_number) AS block,
    max(toUInt64OrZero(splitByChar('_', name)[5])) AS mutation
FROM system.parts
WHERE active AND database = {database:String} AND table IN {tables:Array(String)}
GROUP BY table
"""
_Written = dict[str, tuple[int, int]]
"""By table that has rows: its newest block, and its newest mutation."""


class _Snapshot:
    """Marks and pointers as they were; valid while the tables that hold them are as they were.

    It does not hold on to the ledger: it is kept for as long as somebody else does.
    """

    def __init__(self, ledger: Ledger, source: Source, written: _Written) -> None:
        self.written = {table: written.get(table) for table in _STATE_TABLES}
        self.progress = read_progress(ledger, source)
        self.days: dict[int, Pointer] = {}
        self._source = source
        self._hours: dict[int, dict[int, Pointer]] = {}
        if self.progress.is_reliable:
            self.days = self._pointers(ledger).read(DAY, 0, LAST_DAY)

    def hours_of(self, ledger: Ledger, days: Sequence[int]) -> dict[int, Pointer]:
        """What is known of the hours of some days."""
        hours = self._hours
        if missing := [day for day in days if day not in hours]:
            read: dict[int, dict[int, Pointer]] = {day: {} for day in missing}
            found = self._pointers(ledger).read(HOUR, min(missing) * DAY, max(missing) * DAY + DAY - 1, missing)
            for hour, pointer in found.items():
                read[hour // DAY][hour] = pointer
            hours = hours | read
            if len(hours) <= _MOST_DAYS:
                self._hours = hours
        return {hour: pointer for day in days for hour, pointer in hours[day].items()}

    def _pointers(self, ledger: Ledger) -> Pointers:
        return Pointers(ledger, self._source, self.progress.table_id)


_snapshots: Final[WeakKeyDictionary[Ledger, dict[Source, _Snapshot]]] = WeakKeyDictionary()
_lock: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of every bucket at one moment.

    Attributes:
        days: By day that was ever changed, counted from 1970.
    """

    days: Mapping[int, Pointer]
    _ledger: Ledger
    _live: Touches
    _snapshot: _Snapshot

    def hours_of(self, days: Sequence[int]) -> dict[int, Pointer]:
        """By hour of those days that was ever changed, ascending."""
        wanted = set(days)
        live = {hour: block for hour, block in self._live.items() if hour // DAY in wanted}
        return _touched(self._snapshot.hours_of(self._ledger, days), live, HOUR)


def read_known(ledger: Ledger, source: Source) -> Known | None:
    """What is known of the rollups of a source now; None where only the records can be read.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    parameters = {"database": ledger.dsn.database, "tables": [source.table, *_STATE_TABLES]}
    written: _Written = {
        str(row["table"]): (cast("int", row["block"]), cast("int", row["mutation"]))
        for row in ledger.query(_WRITTEN, parameters)
    }
    newest, mutation = written.get(source.table, (0, 0))
    snapshot = _snapshot(ledger, source, written)
    progress = replace(snapshot.progress, newest=max(newest, mutation), mutation=mutation)
    if not progress.is_reliable:
        return None
    live = read_touches(ledger, source, progress.accounted) if progress.newest > progress.accounted else {}
    return Known(_touched(snapshot.days, live, DAY), ledger, live, snapshot)


def _snapshot(ledger: Ledger, source: Source, written: _Written) -> _Snapshot:
    with _lock:
        kept = _snapshots.setdefault(ledger, {})
        found = kept.get(source)
    if found is None or found.written != {table: written.get(table) for table in _STATE_TABLES}:
        found = _Snapshot(ledger, source, written)
        with _lock:
            kept[source] = found
    return found


def _touched(known: Mapping[int, Pointer], live: Touches, width: int) -> dict[int, Pointer]:
    """What is known, with changes that have no marks yet, ascending."""
    result = dict(known)
    for hour, block in live.items():
        old = result.get(hour // width, Pointer(0, 0, 0))
        result[hour // width] = Pointer(max(old.touched, block), old.generation, old.horizon)
    return {bucket: result[bucket] for bucket in sorted(result)}

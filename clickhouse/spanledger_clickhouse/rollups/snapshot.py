"""What a process remembers of marks and pointers, for as long as nobody has written any."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakKeyDictionary

from spanledger_clickhouse.part_name import PartName
from spanledger_clickhouse.rollups.changes import Changes, read_changes, read_progress
from spanledger_clickhouse.rollups.family import Source
from spanledger_clickhouse.rollups.observations import OBSERVATIONS, UNSEEN, look, read_later_changes, read_observation
from spanledger_clickhouse.rollups.pointers import DAY, FROM_DAY, HOUR, STATE_TABLES, WITHIN_DAY, Pointers, touched
from spanledger_clickhouse.rollups.slices import SlicedHour, Slices, current_hours

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
    from uuid import UUID

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.changes import Progress
    from spanledger_clickhouse.rollups.pointers import Buckets

__all__ = ["Known", "Parts", "read_known", "read_parts", "writing"]

_MOST_DAYS: Final = 400
"""So many days' hours are remembered at most."""

_DAYS_AHEAD: Final = 40
"""So many of them are read before anybody asks."""

_MOST_HELD_SECONDS: Final = 10.0
"""What a process knew this long ago is still right: every generation that counted then is there for much longer."""

_ASKED_SECONDS: Final = 5.0
"""What nobody asked for in so long is read anew when somebody does, and not before."""

# A few dozen names: to add them up here is quicker than to plan a statement that does.
_PARTS: Final = """
SELECT table, name
FROM system.parts
WHERE active AND database = {database:String} AND table IN {tables:Array(String)}
"""
Parts: TypeAlias = "Mapping[str, Sequence[str]]"
"""By table that has rows: the names of its parts."""

_Written = dict[str, tuple[int, int]]
"""By table that has rows: its newest block, and its newest mutation. Every write adds one or the other."""


class _Snapshot:
    """Marks and pointers as they were; valid while the tables that hold them are as they were.

    It does not hold on to the ledger: it is kept for as long as somebody else does.
    """

    def __init__(self, ledger: Ledger, source: Source, written: _Written) -> None:
        self.written = written
        self.observation = read_observation(ledger, source) if ledger.dsn.cluster else None
        self.progress = read_progress(ledger, source) if self.observation is None else self.observation.progress
        self.from_day: Buckets = {}
        self.sliced: dict[int, SlicedHour] = {}
        self._source = source
        self._within: dict[int, Buckets] = {}
        self._changes: tuple[int, set[int], Changes] | None = None
        # Who asks while another reads waits for that rather than reads the same.
        self._changing = threading.Lock()
        self._reading_within = threading.Lock()
        self.asked_at = -math.inf
        if self.progress.is_reliable:
            self.from_day = self._pointers(ledger).read(FROM_DAY)
            self.sliced = Slices(ledger, source, self.progress.table_id).read()

    def changes_until(self, ledger: Ledger, progress: Progress) -> Changes:
        """What changed after what is accounted; at least what had until some progress."""
        with self._changing:
            remembered, sliced = self._changes, self.told_apart()
            if remembered is None or remembered[1] != sliced:
                changes = read_changes(ledger, self._source, progress.accounted, sliced)
            elif remembered[0] < progress.newest:
                later = read_changes(ledger, self._source, remembered[0], sliced)
                changes = remembered[2].joined(later)
            else:
                return remembered[2]
            self._changes = progress.newest, sliced, changes
            return changes

    def told_apart(self) -> set[int]:
        """The hours in which slices are told apart of what changed since."""
        return {*self.sliced, *current_hours(time.time_ns())}

    def repeatable_hours(self, ledger: Ledger, first: int) -> Collection[int]:
        """As :meth:`Slices.repeatable_hours`."""
        return Slices(ledger, self._source, self.progress.table_id).repeatable_hours(first)

    def within(self, ledger: Ledger, days: Sequence[int]) -> list[Buckets]:
        """What is known of the buckets inside some days, day by day."""
        with self._reading_within:
            within = self._within
            if missing := [day for day in days if day not in within]:
                read: dict[int, Buckets] = {day: {width: {} for width in WITHIN_DAY} for day in missing}
                for width, buckets in self._pointers(ledger).read(WITHIN_DAY, missing).items():
                    for bucket, pointer in buckets.items():
                        read[bucket * width // DAY][width][bucket] = pointer
                within = within | read
                if len(within) <= _MOST_DAYS:
                    self._within = within
        return [within[day] for day in days]

    @property
    def days(self) -> list[int]:
        """The latest of the days whose buckets are known."""
        return sorted(self._within)[-_DAYS_AHEAD:]

    def _pointers(self, ledger: Ledger) -> Pointers:
        return Pointers(ledger, self._source, self.progress.table_id)


_snapshots: Final[WeakKeyDictionary[Ledger, dict[Source, _Snapshot]]] = WeakKeyDictionary()
_held: Final[WeakKeyDictionary[Ledger, tuple[float, int]]] = WeakKeyDictionary()
"""Until when, and by which thread, the snapshots of a ledger may be used although something was written."""
_lock: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of every bucket that was ever changed, at one moment.

    Attributes:
        table_id: Which table of records it is about.
        changed_until: The newest block of that table; 0 where one number does not tell.
        mutation: The newest mutation of that table; 0 where there is none.
        settled_parts: Parts of that table that are all there is of their month, and were merged: they hold every
            record of it, and none twice. None of a cluster's are known.
    """

    table_id: UUID
    changed_until: int
    mutation: int
    settled_parts: frozenset[str]
    _live: Changes
    _snapshot: _Snapshot

    @property
    def arrived(self) -> int:
        """How many records have arrived since the worker's last pass; 0 where they are not counted."""
        return self._live.records

    def from_day(self) -> Buckets:
        """Of the buckets from a day on."""
        return {width: touched(known, self._live.hours, width) for width, known in self._snapshot.from_day.items()}

    def within(self, ledger: Ledger, days: Sequence[int]) -> Buckets:
        """Of the buckets inside some days, ascending; those of days that nobody asked about are read now."""
        wanted = set(days)
        live = {hour: block for hour, block in self._live.hours.items() if hour // DAY in wanted}
        found = self._snapshot.within(ledger, sorted(days))
        joined = {width: {b: p for day in found for b, p in day[width].items()} for width in WITHIN_DAY}
        return {width: touched(joined[width], live, width) for width in WITHIN_DAY}

    def within_hours(self, ledger: Ledger, hours: Sequence[int]) -> dict[int, Buckets]:
        """Of the buckets inside those of some hours whose slices are told apart; read as :meth:`within` does."""
        told = [hour for hour in hours if hour in self._snapshot.sliced or hour in self._live.slices]
        days = sorted({hour // DAY for hour in told})
        marked = {h: p.touched for day in self._snapshot.within(ledger, days) for h, p in day[HOUR].items()}
        # Marks that were written since tell of blocks which the live changes tell of too, slice by slice.
        accounted = self._snapshot.progress.accounted
        known = {hour: self._snapshot.sliced[hour] for hour in told if hour in self._snapshot.sliced}
        known |= {
            hour: SlicedHour() for hour in self._begun(ledger, [hour for hour in told if hour not in known], marked)
        }
        return {
            hour: known[hour].buckets(self._live.slices.get(hour, {}))
            for hour in told
            if hour in known and known[hour].holds(min(marked.get(hour, 0), accounted))
        }

    def _begun(self, ledger: Ledger, hours: Sequence[int], marked: Collection[int]) -> Collection[int]:
        """Those that began after the last pass of the worker: the live changes tell of all that is in them."""
        unmarked = {hour for hour in hours if hour not in marked}
        return unmarked and unmarked.difference(self._snapshot.repeatable_hours(ledger, min(unmarked)))


def read_parts(ledger: Ledger) -> Parts:
    """The parts of all tables that tell what is known; of every source, so that one look does for both.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    parameters = {"database": ledger.dsn.database, "tables": [*(each.table for each in Source), *STATE_TABLES]}
    parts: defaultdict[str, list[str]] = defaultdict(list)
    for row in ledger.query(_PARTS, parameters):
        parts[str(row["table"])].append(str(row["name"]))
    return parts


def read_known(ledger: Ledger, source: Source, parts: Parts | None = None) -> Known | None:
    """What is known of the rollups of a source now; None where only the records can be read.

    Args:
        ledger: What is looked at.
        source: The records.
        parts: What :func:`read_parts` found just now; None looks. A cluster's tell nothing.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    if ledger.dsn.cluster:
        return _read_known_of_cluster(ledger, source)
    return _read_known(ledger, source, read_parts(ledger) if parts is None else parts)


def _read_known(ledger: Ledger, source: Source, parts: Parts) -> Known | None:
    written = {table: _newest(names) for table, names in parts.items()}
    newest, mutation = written.get(source.table, (0, 0))
    snapshot = _snapshot(ledger, source, _of_state(written))
    # The snapshot may have been read after the blocks, and know of later ones.
    newest = max(newest, mutation, snapshot.progress.newest)
    progress = replace(snapshot.progress, newest=newest, mutation=mutation)
    if not progress.is_reliable:
        return None
    is_current = progress.newest == progress.accounted
    live = Changes() if is_current else snapshot.changes_until(ledger, progress)
    settled = _settled(parts.get(source.table, ()))
    return Known(progress.table_id, progress.newest, progress.mutation, settled, live, snapshot)


def _newest(names: Iterable[str]) -> tuple[int, int]:
    """The newest block and the newest mutation of a table, by the names of its parts."""
    parts = [PartName.of(name) for name in names]
    return max(part.last for part in parts), max(part.mutation for part in parts)


def _settled(names: Iterable[str]) -> frozenset[str]:
    """The parts, of these of one table, that are all there is of their month and were merged."""
    by_month: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_month[PartName.of(name).partition].append(name)
    alone = [found[0] for found in by_month.values() if len(found) == 1]
    return frozenset(name for name in alone if PartName.of(name).level)


def _read_known_of_cluster(ledger: Ledger, source: Source) -> Known | None:
    state = (*STATE_TABLES, OBSERVATIONS)
    seen = look(ledger, source, state)
    snapshot = _snapshot(ledger, source, dict(seen.written))
    observation, progress = snapshot.observation, snapshot.progress
    if observation is None or not progress.is_reliable:
        return None
    # What was observed between the look and the reading is in a second look.
    if not observation.tells_of(seen) and not observation.tells_of(seen := look(ledger, source, state)):
        return None
    covered, is_current = observation.coverage, observation.coverage.covers(seen.coverage)
    live = Changes() if is_current else read_later_changes(ledger, source, covered, UNSEEN, snapshot.told_apart())
    return Known(progress.table_id, 0, 0, frozenset(), live, snapshot)


def _of_state(written: _Written) -> _Written:
    return {table: written[table] for table in STATE_TABLES if table in written}


def _snapshot(ledger: Ledger, source: Source, written: _Written) -> _Snapshot:
    with _lock:
        kept = _snapshots.setdefault(ledger.origin, {})
        found = kept.get(source)
        until, holder = _held.get(ledger.origin, (0.0, 0))
    is_reader = holder != threading.get_ident()
    is_held = is_reader and time.monotonic() < until
    if found is None or (not is_held and found.written != written):
        before, found = found, _Snapshot(ledger, source, written)
        if before is not None:
            found.asked_at = before.asked_at
            if not is_reader and found.progress.is_reliable:
                # Readers go on with what they know until this is as complete.
                found.within(ledger, before.days)
        with _lock:
            kept[source] = found
    if is_reader:
        found.asked_at = time.monotonic()
    return found


@contextmanager
def writing(ledger: Ledger) -> Generator[None]:
    """Write marks and pointers inside the block, and let readers of this process notice once, at its end.

    Each write outdates what readers remember, and a pass makes a dozen: every question in between would read all of it
    again. What they remember stays right meanwhile, and at the end it is read anew before they ask.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    now = time.monotonic()
    with _lock:
        _held[ledger.origin] = now + _MOST_HELD_SECONDS, threading.get_ident()
        kept = _snapshots.get(ledger.origin, {})
        asked = [source for source, known in kept.items() if now - known.asked_at < _ASKED_SECONDS]
    try:
        yield
        for source in asked:
            read_known(ledger, source)
    finally:
        with _lock:
            # Another worker of this process may have ended meanwhile.
            _held.pop(ledger.origin, None)

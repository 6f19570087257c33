"""Keeps the rollups up with the records, a bounded stretch of work at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.rollups.building import build_hours, build_wide
from spanledger_clickhouse.rollups.changes import (
    HOUR_NS,
    PROGRESS_TABLE,
    read_changes,
    read_progress,
    unfinished_mutation,
)
from spanledger_clickhouse.rollups.family import Source
from spanledger_clickhouse.rollups.observer import Observer
from spanledger_clickhouse.rollups.pointers import DAY, FROM_DAY, HOUR, WITHIN_DAY, Pointers
from spanledger_clickhouse.rollups.quiet import Quiet
from spanledger_clickhouse.rollups.slicing import Slicer
from spanledger_clickhouse.rollups.snapshot import writing
from spanledger_clickhouse.rollups.widening import widen
from spanledger_clickhouse.table_writes import TableWrites

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.changes import Progress
    from spanledger_clickhouse.rollups.pointers import Buckets
    from spanledger_clickhouse.table_writes import Blocks

__all__ = ["RollupWorker"]

_PASS_SECONDS: Final = 5.0
"""How long a pass goes on with one source before it leaves the rest to the next."""

_BUSY_PASS_SECONDS: Final = 1.0
"""The same while spans arrive that belong to running hours."""

_QUIET_SECONDS: Final = 3.0
"""An hour that changed more recently is left alone: its records are read meanwhile, and it may change again at once."""

_QUIET_BUILDS: Final = 20
"""It is left alone for so many times as long as it took the last time, so that late spans do not keep a core busy."""

_FULL_LOOK_SECONDS: Final = 60
"""While nothing arrives, what another worker has left undone is looked for so often."""

_SLICED_LOOK_SECONDS: Final = 5
"""The same where slices of a running hour fall due."""

_SECOND_NS: Final = 1_000_000_000


class RollupWorker:
    """Marks what changed and makes new generations of it, the newest days first.

    Several may work on one ledger: a generation is a pure function of the records, whoever makes it.

    Args:
        ledger: A ledger with the current schema.
        quiet_seconds: For how long at least an hour must not have changed before it is summed up; with 0 it is not
            waited at all.
        now_ns: The present, in nanoseconds since 1970 UTC.
        is_stopping: Whether a pass is to end as soon as it can; what it leaves is made another time.
        writes: Tells whether anything arrived; None looks at every pass.

    Attributes:
        rebuilt: How many buckets were made since the worker was.
    """

    def __init__(
        self,
        ledger: Ledger,
        quiet_seconds: float = _QUIET_SECONDS,
        now_ns: Callable[[], int] = time.time_ns,
        is_stopping: Callable[[], bool] = lambda: False,
        writes: TableWrites | None = None,
    ) -> None:
        self.rebuilt = 0
        self._observer = Observer(ledger) if ledger.dsn.cluster else None
        self._ledger = ledger = ledger if self._observer is None else self._observer.ledger
        self._now_ns = now_ns
        self._is_stopping = is_stopping
        self._quiet = {source: Quiet(quiet_seconds, _QUIET_BUILDS) for source in Source}
        self._slicers = {source: Slicer(ledger, source, quiet_seconds, now_ns) for source in Source}
        self._waits: dict[Source, tuple[int, int]] = {}
        self._writes = writes or TableWrites(ledger)
        self._looked: dict[Source, Mapping[str, Blocks] | None] = {}

    def rebuild(self) -> int:
        """Do as much as is due, for a few seconds at most.

        Returns:
            How many buckets were made.

        Raises:
            ClickHouseError: The engine did not do it; nothing that counts has changed then.
        """
        due = [source for source in Source if self._may_be_due(source)]
        if not due:
            return 0
        with writing(self._ledger):
            made = sum(self._rebuild(source) for source in due)
        self.rebuilt += made
        return made

    def _may_be_due(self, source: Source) -> bool:
        """Whether anything was written since the last pass, or is waiting for its time."""
        written = self._writes.of(source.table, PROGRESS_TABLE)
        tables = None if written is None else written.tables
        is_as_it_was = tables is not None and tables == self._looked.get(source)
        self._looked[source] = tables
        return not is_as_it_was or not self._is_waiting(source)

    def _is_waiting(self, source: Source) -> bool:
        """Whether nothing can fall due by its time alone yet."""
        since, until = self._waits.get(source, (0, 0))
        # A clock that was set back says nothing of how long it has been.
        return since <= self._now_ns() < until

    def _rebuild(self, source: Source) -> int:
        observer = self._observer
        progress = read_progress(self._ledger, source) if observer is None else observer.progress(source)
        pointers = Pointers(self._ledger, source, progress.table_id)
        if not progress.numbered:
            return 0
        if progress.accounted > progress.newest:
            pointers.forget()
            return 0
        if progress.newest == progress.accounted and self._is_waiting(source):
            return 0
        horizon = self._account(source, progress, pointers)
        # What is made from here on holds every change up to this block: all of them were committed before.
        made, sliced = self._slicers[source].rebuild(pointers, horizon)
        self._waits.pop(source, None)
        # Slices fall due every few seconds, history can wait.
        deadline = time.monotonic() + (_BUSY_PASS_SECONDS if sliced else _PASS_SECONDS)
        days = pointers.read(FROM_DAY)
        for day in reversed([day for day, pointer in days[DAY].items() if not pointer.is_clean]):
            made += self._rebuild_day(source, pointers, day, horizon, sliced)
            if time.monotonic() >= deadline or self._is_stopping():
                break
        else:
            made += self._widen(source, pointers, pointers.read(FROM_DAY) if made else days, horizon)
            # What an unfinished mutation holds up may be due without a write: it may be given up.
            if horizon >= progress.newest and not (made or self._quiet[source].awaits_any):
                seconds = _SLICED_LOOK_SECONDS if sliced else _FULL_LOOK_SECONDS
                self._waits[source] = (now := self._now_ns()), now + seconds * _SECOND_NS
        return made

    def _account(self, source: Source, progress: Progress, pointers: Pointers) -> int:
        """Mark what changed since the last pass; what is committed meanwhile may be marked twice.

        Returns:
            The block up to which every change is marked.
        """
        if progress.newest == progress.accounted:
            return progress.accounted
        if self._observer is not None:
            return self._observer.account(source, pointers, self._slicers[source])
        unfinished = unfinished_mutation(self._ledger, source)
        horizon = progress.newest if unfinished is None else min(progress.newest, unfinished - 1)
        if progress.mutation > progress.accounted:
            pointers.mark_all(progress.mutation)
        if horizon > progress.accounted:
            slicer = self._slicers[source]
            changes = read_changes(self._ledger, source, progress.accounted, slicer.current_hours())
            slicer.note(pointers, changes, horizon)
            pointers.mark(changes.hours)
            pointers.account(horizon)
        return max(horizon, progress.accounted)

    def _rebuild_day(self, source: Source, pointers: Pointers, day: int, horizon: int, sliced: Collection[int]) -> int:
        widths = (DAY, *WITHIN_DAY)
        known, quiet = pointers.read(widths, [day]), self._quiet[source]
        due = [hour for hour, pointer in known[HOUR].items() if hour not in sliced and quiet.is_due(hour, pointer)]
        if due:
            began = time.monotonic()
            pointers.point(HOUR, build_hours(self._ledger, source, due), horizon)
            quiet.took(due, time.monotonic() - began)
            known = pointers.read(widths, [day])
        return len(due) + self._widen(source, pointers, known, horizon)

    def _widen(self, source: Source, pointers: Pointers, known: Buckets, horizon: int) -> int:
        def make(width: int, parts: Mapping[int, Sequence[int]]) -> dict[int, int]:
            generations = build_wide(self._ledger, source, width * HOUR_NS, parts)
            pointers.point(width, generations, horizon)
            return generations

        return widen(known, horizon, self._has_begun, make)

    def _has_begun(self, hour: int) -> bool:
        """Whether an hour, counted from 1970, has begun."""
        return hour * HOUR_NS <= self._now_ns()

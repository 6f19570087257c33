"""Keeps the slices of the hours up that are being written to."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.rollups.building import build_slices, build_wide
from spanledger_clickhouse.rollups.changes import HOUR_NS, read_changes
from spanledger_clickhouse.rollups.coverage import Coverage
from spanledger_clickhouse.rollups.observations import read_later_changes
from spanledger_clickhouse.rollups.pointers import DAY, HOUR, Pointer
from spanledger_clickhouse.rollups.quiet import Quiet
from spanledger_clickhouse.rollups.slices import SLICE, WITHIN_HOUR, SlicedHour, Slices, current_hours, merged
from spanledger_clickhouse.rollups.widening import widen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from uuid import UUID

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.changes import Changes
    from spanledger_clickhouse.rollups.family import Source
    from spanledger_clickhouse.rollups.pointers import Buckets, Pointers

__all__ = ["Slicer"]

_CLOSING_SECONDS: Final = 600
"""So long after its end an hour becomes one generation."""

_QUIET_SECONDS: Final = 0.5
_QUIET_BUILDS: Final = 3
"""Slices are small, and what is not summed up is read by every report."""

_SECOND_NS: Final = 1_000_000_000


class Slicer:
    """The slices of one source, on the side of those who write them.

    Args:
        ledger: A ledger with the current schema.
        source: The records.
        quiet_seconds: For how long at least a slice must not have changed before it is summed up; half a second if that
            is less; with 0 it is not waited at all.
        now_ns: The present, in nanoseconds since 1970 UTC.
    """

    def __init__(self, ledger: Ledger, source: Source, quiet_seconds: float, now_ns: Callable[[], int]) -> None:
        self._ledger = ledger
        self._source = source
        self._now_ns = now_ns
        self._quiet = Quiet(min(quiet_seconds, _QUIET_SECONDS), _QUIET_BUILDS)

    def current_hours(self) -> range:
        """The hours whose slices are told apart now, counted from 1970."""
        return current_hours(self._now_ns())

    def note(self, pointers: Pointers, changes: Changes, until: int) -> None:
        """Write down what changed in the slices of current hours; call it before the hours are marked.

        Args:
            pointers: Of the same table of records.
            changes: What changed since the last time, slices of the current hours told apart.
            until: It tells of every change up to this block.

        Raises:
            ClickHouseError: The engine did not take it.
        """
        hours = [hour for hour in self.current_hours() if hour in changes.slices]
        if not hours:
            return
        slices = self._slices(pointers.table_id)
        known, repeatable = slices.read(), slices.repeatable_hours(hours[0])
        marked = pointers.read((HOUR,), sorted({hour // DAY for hour in hours}))[HOUR]
        for hour in hours:
            before = marked.get(hour, Pointer(0, 0, 0))
            if before.generation or hour in repeatable:
                continue
            sliced = known.get(hour, SlicedHour())
            if sliced.holds(before.touched):
                found = merged(sliced.touches, changes.slices[hour])
            else:
                found = self._everything(hour, until).slices.get(hour, {})
            slices.note(hour, found, until)

    def rebuild(self, pointers: Pointers, horizon: int) -> tuple[int, Collection[int]]:
        """Sum up what is due, and add it up to wider buckets, at last to the hour.

        Args:
            pointers: Of the same table of records.
            horizon: Every change up to this block is noted.

        Returns:
            How many buckets were made, and the hours that are dealt with here; raises as :meth:`note`.
        """
        hours = self.current_hours()
        slices = self._slices(pointers.table_id)
        known = {hour: sliced for hour, sliced in slices.read().items() if hour in hours}
        if not known:
            return 0, ()
        marked = pointers.read((HOUR,), sorted({hour // DAY for hour in known}))[HOUR]
        dealt_with = [hour for hour in known if known[hour].holds(marked[hour].touched if hour in marked else 0)]
        made = 0
        for hour in dealt_with:
            buckets = known[hour].buckets({})
            made += self._build_due(slices, hour, buckets, horizon)
            made += self._widen(slices, hour, buckets, horizon)
            made += self._close(pointers, hour, buckets, horizon)
        return made, dealt_with

    def _everything(self, hour: int, until: int) -> Changes:
        if self._ledger.dsn.cluster:
            return read_later_changes(self._ledger, self._source, Coverage(), until, [hour], hour=hour)
        return read_changes(self._ledger, self._source, 0, [hour], hour=hour)

    def _slices(self, table_id: UUID) -> Slices:
        return Slices(self._ledger, self._source, table_id)

    def _build_due(self, slices: Slices, hour: int, buckets: Buckets, horizon: int) -> int:
        found = buckets[SLICE]
        due = [
            each
            for each, pointer in found.items()
            if self._is_over(hour, (each + 1) * SLICE) and self._quiet.is_due((hour, each), pointer)
        ]
        if due:
            began = time.monotonic()
            generations = build_slices(self._ledger, self._source, hour, due)
            self._quiet.took([(hour, each) for each in due], time.monotonic() - began)
            slices.point(hour, SLICE, generations, horizon)
            found |= {each: Pointer(found[each].touched, made, horizon) for each, made in generations.items()}
        return len(due)

    def _widen(self, slices: Slices, hour: int, buckets: Buckets, horizon: int) -> int:
        def make(width: int, parts: Mapping[int, Sequence[int]]) -> dict[int, int]:
            width_ns = width * _SECOND_NS
            first = hour * HOUR_NS // width_ns
            built = build_wide(
                self._ledger, self._source, width_ns, {first + bucket: each for bucket, each in parts.items()}
            )
            generations = {bucket - first: generation for bucket, generation in built.items()}
            slices.point(hour, width, generations, horizon)
            return generations

        return widen(buckets, horizon, partial(self._is_over, hour), make)

    def _close(self, pointers: Pointers, hour: int, buckets: Buckets, horizon: int) -> int:
        """Make the hour one generation once it is over and at rest."""
        parts = buckets[WITHIN_HOUR[0]].values()
        if not self._is_over(hour, HOUR_NS // _SECOND_NS + _CLOSING_SECONDS) or not all(
            part.is_clean for part in parts
        ):
            return 0
        generations = build_wide(self._ledger, self._source, HOUR_NS, {hour: [part.generation for part in parts]})
        pointers.point(HOUR, generations, horizon)
        self._quiet.forget([(hour, each) for each in buckets[SLICE]])
        return 1

    def _is_over(self, hour: int, seconds: int) -> bool:
        """Whether so many seconds of an hour, or so many since it began, have passed."""
        return hour * HOUR_NS + seconds * _SECOND_NS <= self._now_ns()

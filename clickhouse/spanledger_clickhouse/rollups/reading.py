"""What a question is answered from: generations of buckets that hold every change, and the records for the rest.

A plan is read before what it speaks of. A bucket that changes meanwhile is read as it was, and no generation is removed
while a plan may still name it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from spanledger_clickhouse.rollups.changes import HOUR_NS, SLICE_NS
from spanledger_clickhouse.rollups.family import EXECUTIONS
from spanledger_clickhouse.rollups.moment import known_now
from spanledger_clickhouse.rollups.pointers import DAY, FROM_DAY, WITHIN_DAY
from spanledger_clickhouse.rollups.slices import WITHIN_HOUR
from spanledger_clickhouse.rollups.stretches import any_stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.family import Source
    from spanledger_clickhouse.rollups.pointers import Buckets, Pointer
    from spanledger_clickhouse.rollups.snapshot import Known
    from spanledger_clickhouse.rollups.stretches import Stretch

__all__ = ["RECORDS_ONLY", "ReadingPlan", "Whereabouts", "find_execution", "find_executions", "plan_reading"]

_EPOCH: Final = date(1970, 1, 1)
_DAY_NS: Final = DAY * HOUR_NS
_DATES: Final = 2**16
"""After so many days the engine's dates begin anew."""
_LAST_NS: Final = 2**63 - 1
_SECOND_NS: Final = 1_000_000_000
_HOURS: Final = """
SELECT DISTINCT toUnixTimestamp64Nano(started_at) AS start
FROM $table
WHERE execution_id IN {execution_ids:Array(String)}
"""


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """What is read.

    Attributes:
        generations: Generations whose sums are taken as they are.
        stretches: Where the records are read, ascending; None: in the whole window, and there are no generations.
        recent: Where they are read too, ascending, in hours that hold no record twice with two starts: parts of the
            table that have no record of these times need not be looked at.
        changed_until: Nothing after this block had changed the records when it was decided; 0 where that is not known.
            A plan that is equal, with a known block, has the same rows.
        mutation: The newest mutation of the records that it knows of; 0 where there is none.
        arrived: How many records had arrived since the worker's last pass; 0 where that is not known.
    """

    generations: tuple[int, ...] = ()
    stretches: tuple[Stretch, ...] | None = None
    recent: tuple[Stretch, ...] = ()
    changed_until: int = 0
    mutation: int = 0
    arrived: int = 0


RECORDS_ONLY: Final = ReadingPlan()
"""Everything from the records."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """When an execution, or any of several, has records: there are none at other times, except perhaps before 1970.

    The day that records arrive for is in many fresh parts of the table, and most of them hold only some seconds of it.

    Attributes:
        days: Days of UTC, ascending, as `toDate` of the start says them; one more day may follow.
        since: From this instant on, in nanoseconds since 1970 UTC, until the end of its day; None where there is none.
        settled_parts: Parts of the records' table that hold every record of their month, and none twice.
    """

    days: tuple[date, ...] = ()
    since: int | None = None
    settled_parts: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def every_day(self) -> tuple[date, ...]:
        """All of the days, ascending, the one of ``since`` among them."""
        return self.days if self.since is None else tuple(sorted({*self.days, *_dates([self.since // _DAY_NS])}))


def plan_reading(
    ledger: Ledger, source: Source, window: tuple[int, int | None], is_whole: Callable[[Stretch], bool] = any_stretch
) -> ReadingPlan:
    """Decide what a question about a window is answered from.

    Args:
        ledger: What is read.
        source: The records it is about.
        window: First instant and first instant after it in nanoseconds since 1970 UTC; None where there is no end.
        is_whole: Whether a stretch may be taken as a whole, for what the question tells apart; by default it tells no
            times apart.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    known = None if window[0] < 0 else known_now(ledger, source)
    return RECORDS_ONLY if known is None else _plan(ledger, known, window, is_whole)


def _plan(
    ledger: Ledger, known: Known, window: tuple[int, int | None], is_whole: Callable[[Stretch], bool]
) -> ReadingPlan:
    start, end = window[0], _LAST_NS if window[1] is None else window[1]
    generations: list[int] = []

    def take(buckets: Mapping[int, Pointer], width: int, unit_ns: int = HOUR_NS, origin: int = 0) -> list[int]:
        """Take what can be taken as a whole; gives back what else the window touches."""
        left, width_ns = list[int](), width * unit_ns
        for bucket, pointer in buckets.items():
            first, after = origin + bucket * width_ns, origin + (bucket + 1) * width_ns
            if start <= first and after <= end and pointer.is_clean and is_whole((first, after)):
                generations.append(pointer.generation)
            elif first < end and after > start:
                left.append(bucket)
        return left

    days = _take_each(known.from_day(), FROM_DAY, take)
    hours = _take_each(known.within(ledger, days), WITHIN_DAY, take)
    sliced, slices = known.within_hours(ledger, hours), list[int]()
    for hour, buckets in sliced.items():
        origin = hour * HOUR_NS
        left = _take_each(buckets, WITHIN_HOUR, partial(take, unit_ns=_SECOND_NS, origin=origin))
        slices += [origin // SLICE_NS + each for each in left]
    return ReadingPlan(
        tuple(generations),
        _stretches((hour for hour in hours if hour not in sliced), HOUR_NS, start, end),
        _stretches(slices, SLICE_NS, start, end),
        known.changed_until,
        known.mutation,
        known.arrived,
    )


def find_execution(ledger: Ledger, source: Source, execution_id: str) -> Whereabouts | None:
    """When an execution has records; arguments, result and errors as of :func:`find_executions`."""
    return find_executions(ledger, source, (execution_id,))


def find_executions(ledger: Ledger, source: Source, execution_ids: Sequence[str]) -> Whereabouts | None:
    """When any of some executions has records.

    Args:
        ledger: What is read.
        source: The records.
        execution_ids: The executions.

    Returns:
        Where to look for them; None where only all records can tell.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    known = known_now(ledger, source)
    if known is None:
        return None
    plan = _plan(ledger, known, (0, None), any_stretch)
    # A generation that counts no longer may name an hour too many; every one that counts names all of its own.
    rows = ledger.query(_HOURS.replace("$table", EXECUTIONS[source].table), {"execution_ids": list(execution_ids)})
    starts = [cast("int", row["start"]) for row in rows]
    for first, after in (*(plan.stretches or ()), *plan.recent):
        starts += (first, *range((first // _DAY_NS + 1) * _DAY_NS, after, _DAY_NS))
    if not starts:
        return Whereabouts(settled_parts=known.settled_parts)
    *days, last = sorted({start // _DAY_NS for start in starts})
    return Whereabouts(
        _dates(days),
        min(start for start in starts if start // _DAY_NS == last),
        known.settled_parts,
    )


def _dates(days: Iterable[int]) -> tuple[date, ...]:
    """Days that are counted from 1970, as the engine's dates say them, ascending."""
    return tuple(_EPOCH + timedelta(days=day) for day in sorted({day % _DATES for day in days}))


def _take_each(
    buckets: Buckets, widths: Sequence[int], take: Callable[[Mapping[int, Pointer], int], list[int]]
) -> list[int]:
    """Take buckets of each width where none of a greater width was; gives back the narrowest that are left."""
    left: set[int] | None = None
    for width, wider in zip(widths, (0, *widths), strict=False):
        inside = {
            bucket: pointer
            for bucket, pointer in buckets[width].items()
            if left is None or bucket * width // wider in left
        }
        left = set(take(inside, width))
    return sorted(left or ())


def _stretches(buckets: Iterable[int], width_ns: int, start: int, end: int) -> tuple[Stretch, ...]:
    """Buckets, ascending, as stretches inside the window; neighbours are one."""
    found: list[Stretch] = []
    for bucket in buckets:
        first, last = max(start, bucket * width_ns), min(end, (bucket + 1) * width_ns)
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)

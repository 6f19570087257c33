"""What a question is answered from: generations of buckets that hold every change, and the records for the rest.

A plan is read before what it speaks of. A bucket that changes meanwhile is read as it was, and no generation is removed
while a plan may still name it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.rollups.changes import HOUR_NS, read_progress, read_touches
from spanledger_clickhouse.rollups.pointers import DAY, HOUR, Pointers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.family import Source

__all__ = ["RECORDS_ONLY", "ReadingPlan", "Stretch", "plan_reading"]

_LAST_NS: Final = 2**63 - 1
Stretch = tuple[int, int]
"""A half-open stretch of time, in nanoseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """What is read.

    Attributes:
        generations: Generations whose sums are taken as they are.
        stretches: Where the records are read, ascending; None: in the whole window, and there are no generations.
    """

    generations: tuple[int, ...] = ()
    stretches: tuple[Stretch, ...] | None = None


RECORDS_ONLY: Final = ReadingPlan()
"""Everything from the records."""


def plan_reading(
    ledger: Ledger, source: Source, window: tuple[int, int | None], is_whole: Callable[[Stretch], bool]
) -> ReadingPlan:
    """Decide what a question about a window is answered from.

    Args:
        ledger: What is read.
        source: The records it is about.
        window: First instant and first instant after it in nanoseconds since 1970 UTC; None where there is no end.
        is_whole: Whether a bucket of an hour or a day may be taken as a whole, for what the question tells apart.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    start, end = window[0], _LAST_NS if window[1] is None else window[1]
    progress = read_progress(ledger, source)
    if start < 0 or not progress.is_reliable:
        return RECORDS_ONLY
    live = read_touches(ledger, source, progress.accounted)
    pointers = Pointers(ledger, source, progress.table_id)
    generations: list[int] = []
    left: list[int] | None = None
    for width in (DAY, HOUR):
        size = width * HOUR_NS
        known = pointers.read(width, start // size, (end - 1) // size, live, left) if left != [] else {}
        taken = {
            bucket: pointer.generation
            for bucket, pointer in known.items()
            if pointer.is_clean
            and start <= bucket * size
            and (bucket + 1) * size <= end
            and is_whole((bucket * size, (bucket + 1) * size))
        }
        generations += taken.values()
        left = [bucket for bucket in known if bucket not in taken]
    return ReadingPlan(tuple(generations), _stretches(left or [], start, end))


def _stretches(hours: Iterable[int], start: int, end: int) -> tuple[Stretch, ...]:
    """Hours, ascending, as stretches inside the window; neighbours are one."""
    found: list[Stretch] = []
    for hour in hours:
        first, last = max(start, hour * HOUR_NS), min(end, (hour + 1) * HOUR_NS)
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)

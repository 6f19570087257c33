"""Compares rollups with the records they are sums of, and has what differs made anew."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from spanledger_clickhouse.retention import RETAINABLE, read_retention
from spanledger_clickhouse.rollups.building import sum_of_records
from spanledger_clickhouse.rollups.changes import HOUR_NS
from spanledger_clickhouse.rollups.family import FAMILIES, Source
from spanledger_clickhouse.rollups.pointers import DAY, FROM_DAY, HOUR, WITHIN_DAY, Pointers
from spanledger_clickhouse.rollups.snapshot import read_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.family import Family
    from spanledger_clickhouse.rollups.pointers import Pointer

__all__ = ["Mismatch", "RollupVerifier", "repair", "verify_rollups"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ROUND_SECONDS: Final = 86_400.0
"""Every day is looked at so often."""

# Both sides have one row a key; where they agree the two are the same row twice.
_DIFFERING: Final = """
SELECT DISTINCT stretch
FROM
(
    SELECT stretch, count() AS sides
    FROM
    (
        SELECT toInt32(intDiv(intDiv(toUnixTimestamp64Nano(started_at), $hour), {width:UInt16})) AS stretch, $columns
        FROM $table
        WHERE generation IN {generations:Array(UInt64)}
        UNION ALL
        SELECT toInt32(intDiv(bucket, {width:UInt16})) AS stretch, $sums
        FROM ($records)
        WHERE stretch IN {buckets:Array(Int32)}
        GROUP BY stretch, $keys
    )
    GROUP BY stretch, $columns
)
WHERE sides != 2
SETTINGS max_threads = 1
"""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A bucket whose sums are not those of its records.

    Attributes:
        source: The records.
        table: The rollup.
        start: The bucket's first instant.
        hours: How long it is.
        generation: The generation that is wrong.
    """

    source: Source
    table: str
    start: datetime
    hours: int
    generation: int


def verify_rollups(ledger: Ledger, start: datetime, end: datetime) -> list[Mismatch]:
    """Compare every generation that reports may read with the records, day by day.

    What is not summed up, or has changed since, is read from the records and cannot be wrong. Where records may have
    expired, sums that still hold them are no mismatch: a part that is dropped leaves no block.

    Args:
        ledger: A ledger with the current schema.
        start: First instant; the whole of its day is looked at.
        end: First instant that is not looked at any more.

    Returns:
        What differs, by source and time; empty where all is well.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    kept_from = _kept_from(ledger)
    return [each for each in _differing_in(ledger, start, end) if each.start >= kept_from[each.source]]


def _differing_in(ledger: Ledger, start: datetime, end: datetime) -> list[Mismatch]:
    first, last = (start - _EPOCH) // timedelta(days=1), -((_EPOCH - end) // timedelta(days=1)) - 1
    found: list[Mismatch] = []
    for source in Source:
        known = read_known(ledger, source)
        touched = known.from_day()[DAY] if known is not None else {}
        for day in touched:
            if first <= day <= last:
                found += _verify_day(ledger, source, day)
    return found


def repair(ledger: Ledger, mismatches: Iterable[Mismatch]) -> None:
    """Let wrong generations, and what was added up from them, count no longer: the worker makes new ones.

    Raises:
        ClickHouseError: The engine did not take it.
    """
    for mismatch in mismatches:
        known = read_known(ledger, mismatch.source)
        if known is None:
            return
        pointers = Pointers(ledger, mismatch.source, known.table_id)
        hour = (mismatch.start - _EPOCH) // timedelta(hours=1)
        for width in (*FROM_DAY, *WITHIN_DAY):
            hours = range(hour, hour + mismatch.hours, min(width, mismatch.hours))
            # A generation without sums that holds no change: the bucket is unclean.
            pointers.point(width, {each // width: time.time_ns() for each in hours}, horizon=0)


def _kept_from(ledger: Ledger) -> dict[Source, datetime]:
    """From when on no record of a source can have expired."""
    days = {RETAINABLE[each.name][0]: each.days for each in read_retention(ledger)}
    now = datetime.now(UTC)
    never = datetime.min.replace(tzinfo=UTC)
    return {
        source: never if (kept := days.get(source.table)) is None else now - timedelta(days=kept) for source in Source
    }


def _verify_day(ledger: Ledger, source: Source, day: int) -> list[Mismatch]:
    before = _clean(ledger, source, day)
    wrong = [
        (family, width, bucket)
        for family in FAMILIES
        if family.source is source
        for width, pointers in before.items()
        for bucket in _differing(ledger, family, width, pointers)
    ]
    # A bucket that changed meanwhile was compared with newer records than it holds.
    after = _clean(ledger, source, day) if wrong else {}
    return [
        Mismatch(
            source,
            family.table,
            _EPOCH + timedelta(hours=bucket * width),
            width,
            before[width][bucket].generation,
        )
        for family, width, bucket in wrong
        if after[width].get(bucket) == before[width][bucket]
    ]


def _clean(ledger: Ledger, source: Source, day: int) -> dict[int, dict[int, Pointer]]:
    """The buckets of a day that reports read, by width; wider ones with their last day, since they are made of days."""
    known = read_known(ledger, source)
    if known is None:
        return {width: {} for width in (*FROM_DAY, *WITHIN_DAY)}
    buckets = {
        width: {bucket: each for bucket, each in found.items() if bucket == day * DAY // width}
        for width, found in known.from_day().items()
        if (day + 1) * DAY % width == 0
    }
    buckets |= known.within(ledger, [day])
    return {
        width: {bucket: pointer for bucket, pointer in found.items() if pointer.is_clean}
        for width, found in buckets.items()
    }


def _differing(ledger: Ledger, family: Family, width: int, pointers: Mapping[int, Pointer]) -> list[int]:
    """The buckets of one width whose sums are not those of the records."""
    if not pointers or (family.is_lookup and width != HOUR):
        return []
    records = (
        f"{family.source.table} FINAL"
        " WHERE toDate(started_at) >= toDate(fromUnixTimestamp64Nano({first:Int64}, 'UTC'))"
        " AND toDate(started_at) <= toDate(fromUnixTimestamp64Nano({after:Int64} - 1, 'UTC'))"
    )
    words = {
        "$hour": str(HOUR_NS),
        "$columns": ", ".join(family.columns),
        "$table": family.table,
        "$keys": ", ".join(family.groups),
        "$sums": ", ".join(
            [*family.groups, *(measure.merged_from(f"summed_{measure.value}") for measure in family.measures)]
        ),
        "$records": sum_of_records(family, records),
    }
    sql = _DIFFERING
    for name, text in words.items():
        sql = sql.replace(name, text)
    rows = ledger.query(
        sql,
        {
            "width": width,
            "buckets": list(pointers),
            "generations": [pointer.generation for pointer in pointers.values()],
            "first": min(pointers) * width * HOUR_NS,
            "after": (max(pointers) + 1) * width * HOUR_NS,
        },
    )
    return [cast("int", row["stretch"]) for row in rows]


class RollupVerifier:
    """Looks at every day once in a day and a night, a day at a time, and repairs what differs.

    Args:
        ledger: A ledger with the current schema.

    Attributes:
        checked: How many days were looked at.
        mismatches: How many buckets differed, those left out where records may have expired.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.checked = 0
        self.mismatches = 0
        self._ledger = ledger
        self._verified: dict[int, float] = {}

    def verify_next(self) -> None:
        """Look at the day that was looked at longest ago, if that is a day ago; raises as :func:`verify_rollups`."""
        days: set[int] = set()
        for source in Source:
            known = read_known(self._ledger, source)
            days |= known.from_day()[DAY].keys() if known is not None else set[int]()
        now = time.monotonic()
        due = [day for day in days if now - self._verified.get(day, -_ROUND_SECONDS) >= _ROUND_SECONDS]
        if not due:
            return
        day = min(due, key=lambda each: (self._verified.get(each, 0.0), -each))
        start = _EPOCH + timedelta(days=day)
        found = _differing_in(self._ledger, start, start + timedelta(days=1))
        repair(self._ledger, found)
        kept_from = _kept_from(self._ledger)
        self._verified[day] = now
        self.checked += 1
        self.mismatches += sum(each.start >= kept_from[each.source] for each in found)

"""Makes generations: of hours and slices from the records, of wider buckets from narrower ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.literals import settings_text
from spanledger_clickhouse.rollups.changes import HOUR_NS, SLICE_NS, bucket_sql
from spanledger_clickhouse.rollups.distinct import ask_distinct
from spanledger_clickhouse.rollups.family import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.family import Family, Source

__all__ = ["build_hours", "build_slices", "build_wide", "sum_of_records"]

_SETTINGS: Final = " SETTINGS " + settings_text(
    {
        "async_insert": "0",
        "max_threads": "1",
        "do_not_merge_across_partitions_select_final": "1",
        "max_partitions_per_insert_block": "0",
        "max_bytes_before_external_group_by": "500000000",
    }
)


def sum_of_records(family: Family, records: str, width_ns: int = HOUR_NS) -> str:
    """The SELECT that sums a family up from the records by bucket: the bucket, counted from 1970, keys and measures.

    Args:
        family: What is summed up.
        records: Which records, each once, as the words after ``FROM``.
        width_ns: How long a bucket is, in nanoseconds.
    """
    keys = [*family.keys, *(f"{sql} AS {name}" for name, sql in family.computed)]
    measures = [f"{measure.merged_from(measure.of_record)} AS summed_{measure.value}" for measure in family.measures]
    names = ", ".join(["bucket", *family.groups])
    return (
        f"SELECT {bucket_sql(width_ns)} AS bucket, {', '.join([*keys, *measures])} FROM {records}"  # noqa: S608 - every name is of an enumeration
        f" GROUP BY {names}"
    )


def build_hours(ledger: Ledger, source: Source, hours: Sequence[int]) -> dict[int, int]:
    """Sum hours of one day up from the records.

    Args:
        ledger: A ledger with the current schema.
        source: The records.
        hours: Hours of one day, counted from 1970.

    Returns:
        The new generation by hour. It counts once a pointer names it; until then it is as if it were not there.

    Raises:
        ClickHouseError: The engine did not do it.
    """
    # A record may be there twice with two starts on one day. FINAL keeps one if it meets both: no part of the day is
    # left out by its times.
    records = (
        f"{source.table} FINAL"
        " WHERE toDate(started_at) = toDate(fromUnixTimestamp64Nano({window_start:Int64}, 'UTC'))"
        f" AND {bucket_sql(HOUR_NS, 'identity(started_at)')} IN {{buckets:Array(Int64)}}"
    )
    return _build(ledger, source, HOUR_NS, hours, records)


def build_slices(ledger: Ledger, source: Source, hour: int, slices: Sequence[int]) -> dict[int, int]:
    """Sum slices of an hour up from the records; raises as :func:`build_hours`.

    Args:
        ledger: A ledger with the current schema.
        source: The records.
        hour: The hour, counted from 1970; no record may be in it twice with two starts.
        slices: Slices of that hour.

    Returns:
        The new generation by slice; it counts as of :func:`build_hours`.
    """
    # Before FINAL rather than after it: most parts have no record of these seconds, and most of the others few.
    within = (
        "(started_at >= fromUnixTimestamp64Nano({window_start:Int64}, 'UTC')"
        " AND started_at < fromUnixTimestamp64Nano({window_end:Int64}, 'UTC')"
        f" AND {bucket_sql(SLICE_NS)} IN {{buckets:Array(Int64)}})"
    )
    first = hour * HOUR_NS // SLICE_NS
    numbers = [first + each for each in slices]
    built = ask_distinct(ledger, lambda records: _build(ledger, source, SLICE_NS, numbers, records(source, within)))
    return {bucket - first: generation for bucket, generation in built.items()}


def build_wide(ledger: Ledger, source: Source, stretch: tuple[int, int], parts: Sequence[int]) -> int:
    """Add a wide bucket up from narrower ones.

    Args:
        ledger: A ledger with the current schema.
        source: The records they are sums of.
        stretch: First nanosecond of the bucket and first after it, since 1970 UTC.
        parts: The generations of all buckets in it that have records.

    Returns:
        The new generation; raises and counts as of :func:`build_hours`.
    """
    generation = time.time_ns()
    parameters = {"generation": generation, "parts": list(parts), "first": stretch[0], "after": stretch[1]}
    for family in _families(source):
        if family.is_lookup and stretch[1] - stretch[0] > HOUR_NS:
            continue
        keys = ", ".join(family.groups)
        measures = (measure.merged for measure in family.measures)
        ledger.command(
            f"INSERT INTO {family.table} (generation, started_at, {', '.join(family.columns)})"  # noqa: S608 - every name is of an enumeration
            " SELECT {generation:UInt64}, fromUnixTimestamp64Nano({first:Int64}, 'UTC'),"
            f" {', '.join([keys, *measures])}"
            f" FROM {family.table} WHERE generation IN {{parts:Array(UInt64)}}"
            " AND started_at >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')"
            " AND started_at < fromUnixTimestamp64Nano({after:Int64}, 'UTC')"
            f" GROUP BY {keys}{_SETTINGS}",
            parameters,
        )
    return generation


def _build(ledger: Ledger, source: Source, width_ns: int, buckets: Sequence[int], records: str) -> dict[int, int]:
    """Sum buckets of one month up from the records."""
    first = time.time_ns()
    generations = {bucket: first + number for number, bucket in enumerate(sorted(buckets))}
    parameters = {
        "first": first,
        "buckets": sorted(buckets),
        "window_start": min(buckets) * width_ns,
        "window_end": (max(buckets) + 1) * width_ns,
    }
    for family in _families(source):
        summed = ", ".join([*family.groups, *(f"summed_{measure.value}" for measure in family.measures)])
        ledger.command(
            f"INSERT INTO {family.table} (generation, started_at, {', '.join(family.columns)})"  # noqa: S608 - every name is of an enumeration
            " SELECT {first:UInt64} + indexOf({buckets:Array(Int64)}, bucket) - 1,"
            f" fromUnixTimestamp64Nano(toInt64(bucket) * {width_ns}, 'UTC'), {summed}"
            f" FROM ({sum_of_records(family, records, width_ns)}){_SETTINGS}",
            parameters,
        )
    return generations


def _families(source: Source) -> list[Family]:
    return [family for family in FAMILIES if family.source is source]

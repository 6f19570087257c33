"""Makes generations: of hours and slices from the records, of wider buckets from narrower ones."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.literals import settings_text
from spanledger_clickhouse.rollups.changes import HOUR_NS, SLICE_NS, bucket_sql
from spanledger_clickhouse.rollups.distinct import ask_distinct
from spanledger_clickhouse.rollups.family import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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


def build_wide(ledger: Ledger, source: Source, width_ns: int, parts: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Add wide buckets up from narrower ones, all of them with one statement a family.

    Args:
        ledger: A ledger with the current schema.
        source: The records they are sums of.
        width_ns: How long a wide bucket is, in nanoseconds.
        parts: By wide bucket, counted from 1970: the generations of all buckets in it that have records.

    Returns:
        The new generation by bucket; raises and counts as of :func:`build_hours`.
    """
    parameters = {"parts": [generation for each in parts.values() for generation in each]}
    return _insert(
        ledger,
        [family for family in _families(source) if not family.is_lookup or width_ns <= HOUR_NS],
        width_ns,
        list(parts),
        lambda family: _sum_of_parts(family, width_ns),
        parameters,
    )


def _sum_of_parts(family: Family, width_ns: int) -> str:
    """The same as :func:`sum_of_records`, from generations of narrower buckets."""
    names = ", ".join(["bucket", *family.groups])
    measures = [f"{measure.merged} AS summed_{measure.value}" for measure in family.measures]
    return (
        f"SELECT {', '.join([f'{bucket_sql(width_ns)} AS bucket', *family.groups, *measures])} FROM {family.table}"  # noqa: S608 - every name is of an enumeration
        " WHERE generation IN {parts:Array(UInt64)}"
        " AND started_at >= fromUnixTimestamp64Nano({window_start:Int64}, 'UTC')"
        " AND started_at < fromUnixTimestamp64Nano({window_end:Int64}, 'UTC')"
        f" GROUP BY {names}"
    )


def _build(ledger: Ledger, source: Source, width_ns: int, buckets: Sequence[int], records: str) -> dict[int, int]:
    """Sum buckets of one month up from the records."""
    return _insert(
        ledger, _families(source), width_ns, buckets, lambda family: sum_of_records(family, records, width_ns)
    )


def _insert(  # noqa: PLR0913, PLR0917 - what is inserted, and from what
    ledger: Ledger,
    families: Iterable[Family],
    width_ns: int,
    buckets: Sequence[int],
    sums: Callable[[Family], str],
    parameters: Mapping[str, object] = MappingProxyType({}),
) -> dict[int, int]:
    """Insert the sums of buckets as a generation each, and give back the generations by bucket."""
    first = time.time_ns()
    generations = {bucket: first + number for number, bucket in enumerate(sorted(buckets))}
    told = {
        "first": first,
        "buckets": sorted(buckets),
        "window_start": min(buckets) * width_ns,
        "window_end": (max(buckets) + 1) * width_ns,
        **parameters,
    }
    for family in families:
        summed = ", ".join([*family.groups, *(f"summed_{measure.value}" for measure in family.measures)])
        ledger.command(
            f"INSERT INTO {family.table} (generation, started_at, {', '.join(family.columns)})"  # noqa: S608 - every name is of an enumeration
            " SELECT {first:UInt64} + indexOf({buckets:Array(Int64)}, bucket) - 1,"
            f" fromUnixTimestamp64Nano(toInt64(bucket) * {width_ns}, 'UTC'), {summed}"
            f" FROM ({sums(family)}){_SETTINGS}",
            told,
        )
    return generations


def _families(source: Source) -> list[Family]:
    return [family for family in FAMILIES if family.source is source]

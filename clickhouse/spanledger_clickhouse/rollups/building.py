"""Makes generations: an hour's from the records, a wider bucket's from narrower ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.rollups.changes import HOUR_NS, HOUR_SQL
from spanledger_clickhouse.rollups.family import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.family import Family, Source

__all__ = ["build_hours", "build_wide", "sum_of_records"]

_SETTINGS: Final = (
    " SETTINGS async_insert = 0, max_threads = 1, do_not_merge_across_partitions_select_final = 1,"
    " max_partitions_per_insert_block = 0, max_bytes_before_external_group_by = 500000000"
)


def sum_of_records(family: Family, hours: str) -> str:
    """The SELECT that sums a family up from the records by hour: the hour, the keys, the measures."""
    keys = [*family.keys, *(f"{sql} AS {name}" for name, sql in family.computed)]
    measures = [f"{measure.merged_from(measure.of_record)} AS summed_{measure.value}" for measure in family.measures]
    names = ", ".join(["hour", *family.groups])
    return (
        f"SELECT {HOUR_SQL} AS hour, {', '.join([*keys, *measures])} FROM {family.source.table} FINAL"  # noqa: S608 - every name is of an enumeration
        f" WHERE {hours} GROUP BY {names}"
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
    first = time.time_ns()
    generations = {hour: first + number for number, hour in enumerate(sorted(hours))}
    parameters = {
        "first": first,
        "hours": sorted(hours),
        "window_start": min(hours) * HOUR_NS,
        "window_end": (max(hours) + 1) * HOUR_NS,
    }
    within = (
        "started_at >= fromUnixTimestamp64Nano({window_start:Int64}, 'UTC')"
        " AND started_at < fromUnixTimestamp64Nano({window_end:Int64}, 'UTC')"
        f" AND {HOUR_SQL} IN {{hours:Array(Int32)}}"
    )
    for family in _families(source):
        summed = ", ".join([*family.groups, *(f"summed_{measure.value}" for measure in family.measures)])
        ledger.command(
            f"INSERT INTO {family.table} (generation, started_at, {', '.join(family.columns)})"  # noqa: S608 - every name is of an enumeration
            " SELECT {first:UInt64} + indexOf({hours:Array(Int32)}, hour) - 1,"
            f" fromUnixTimestamp64Nano(toInt64(hour) * {HOUR_NS}, 'UTC'), {summed}"
            f" FROM ({sum_of_records(family, within)}){_SETTINGS}",
            parameters,
        )
    return generations


def build_wide(ledger: Ledger, source: Source, stretch: tuple[int, int], parts: Sequence[int]) -> int:
    """Add a wide bucket up from narrower ones.

    Args:
        ledger: A ledger with the current schema.
        source: The records they are sums of.
        stretch: First hour of the bucket and first hour after it, counted from 1970.
        parts: The generations of all buckets in it that have records.

    Returns:
        The new generation; raises and counts as of :func:`build_hours`.
    """
    generation = time.time_ns()
    first, after = stretch[0] * HOUR_NS, stretch[1] * HOUR_NS
    parameters = {"generation": generation, "parts": list(parts), "first": first, "after": after}
    for family in _families(source):
        if family.is_lookup:
            continue
        keys = ", ".join(family.groups)
        measures = ", ".join(measure.merged for measure in family.measures)
        ledger.command(
            f"INSERT INTO {family.table} (generation, started_at, {', '.join(family.columns)})"  # noqa: S608 - every name is of an enumeration
            " SELECT {generation:UInt64}, fromUnixTimestamp64Nano({first:Int64}, 'UTC'),"
            f" {keys}, {measures}"
            f" FROM {family.table} WHERE generation IN {{parts:Array(UInt64)}}"
            " AND started_at >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')"
            " AND started_at < fromUnixTimestamp64Nano({after:Int64}, 'UTC')"
            f" GROUP BY {keys}{_SETTINGS}",
            parameters,
        )
    return generation


def _families(source: Source) -> list[Family]:
    return [family for family in FAMILIES if family.source is source]

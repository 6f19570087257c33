"""Which hours changed since when, told by the blocks of the records themselves.

Every insert, whoever makes it, commits its rows as a part with a block number of its own, in the order of the commits,
and a row keeps its number through merges. So the records are the log of their own changes: there is no other write to
lose in a crash. A mutation rewrites parts and leaves its own number, of the same sequence, in their names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from spanledger_clickhouse.table_writes import NO_BLOCKS, TableWrites

if TYPE_CHECKING:
    from collections.abc import Collection

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.family import Source

__all__ = [
    "HOUR_NS",
    "HOUR_SQL",
    "LAST_NS",
    "PROGRESS_TABLE",
    "SLICE_NS",
    "Changes",
    "Progress",
    "Touches",
    "bucket_sql",
    "read_changes",
    "read_progress",
    "unfinished_mutation",
]

HOUR_NS: Final = 3_600_000_000_000
"""Nanoseconds in an hour."""

SLICE_NS: Final = 5_000_000_000
"""Nanoseconds in the narrowest bucket."""


def bucket_sql(width_ns: int, started_at: str = "started_at") -> str:
    """SQL of the bucket of a record, counted from 1970.

    Args:
        width_ns: How long a bucket is, in nanoseconds.
        started_at: SQL of when the record started.
    """
    return f"intDiv(toUnixTimestamp64Nano({started_at}), {width_ns})"


HOUR_SQL: Final = f"toInt32({bucket_sql(HOUR_NS)})"
"""The hour of a record, counted from 1970."""

Touches = dict[int, int]
"""By hour, or by another bucket: the newest block that changed it."""

_NUMBERED: Final = "ReplacingMergeTree"
"""The engine that numbers blocks in the order of their commits. A replicated one reserves numbers beforehand."""

PROGRESS_TABLE: Final = "rollup_progress_local"
"""The table that says how far changes are accounted for."""

_ACCOUNTED: Final = "SELECT table_id, accounted FROM rollup_progress_local WHERE source = {source:String}"

# Looking for a table among all of them takes several times as long as looking at its parts.
_PROGRESS: Final = """
SELECT
    tables.uuid AS table_id,
    tables.engine AS engine,
    (
        SELECT max(greatest(max_block_number, data_version)) FROM system.parts
        WHERE active AND database = {database:String} AND table = {table:String}
    ) AS newest,
    (
        SELECT max(toUInt64OrZero(splitByChar('_', name)[5])) FROM system.parts
        WHERE active AND database = {database:String} AND table = {table:String}
    ) AS mutation,
    (
        SELECT max(accounted) FROM rollup_progress_local
        WHERE source = {source:String} AND table_id IN (
            SELECT uuid FROM system.tables WHERE database = {database:String} AND name = {table:String})
    ) AS accounted
FROM system.tables AS tables
WHERE tables.database = {database:String} AND tables.name = {table:String}
"""

_UNFINISHED: Final = """
SELECT min(arrayJoin(block_numbers.number)) AS first
FROM system.mutations
WHERE database = {database:String} AND table = {table:String} AND NOT is_done
"""

# A part's name is partition_first_last_level, and _mutation where there was one; its data version is the number of that
# mutation, or of its first block. Under the hint the name is looked at once a part instead of once a row, before
# anything of the part is read, and in the snapshot of parts that is read.
_CHANGES: Final = f"""
SELECT
    {HOUR_SQL} AS hour,
    if(hour IN {{sliced:Array(Int32)}},
        toInt32(intDiv(toUnixTimestamp64Nano(started_at) % {HOUR_NS}, {SLICE_NS})), -1) AS slice,
    max(greatest(_block_number, _part_data_version)) AS touched,
    count() AS records
FROM {{table}}
WHERE indexHint(greatest(toUInt64(splitByChar('_', _part)[3]), _part_data_version) > {{accounted:UInt64}})
    AND greatest(_block_number, _part_data_version) > {{accounted:UInt64}}
    AND started_at >= fromUnixTimestamp64Nano({{first:Int64}}, 'UTC')
    AND started_at < fromUnixTimestamp64Nano({{after:Int64}}, 'UTC')
GROUP BY hour, slice
"""  # noqa: S608 - the table is of an enumeration
LAST_NS: Final = 2**63 - 1
"""The last nanosecond since 1970 that there is."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the changes of a source are accounted for.

    Attributes:
        table_id: Which table's blocks are meant.
        newest: The newest block of the table; 0 while it is empty.
        mutation: The newest mutation that rewrote some of it; 0 where none did.
        accounted: Every change up to this block has its mark; 0 where nobody has begun to mark.
        numbered: Whether the blocks are numbered in the order of their commits. Where not, only the records themselves
            can be read.
    """

    table_id: UUID
    newest: int
    mutation: int
    accounted: int
    numbered: bool

    @property
    def is_reliable(self) -> bool:
        """Whether marks, and blocks after those accounted for, tell of every change."""
        # A table that lost its newest parts and was opened anew counts from an earlier block again. A mutation may have
        # emptied hours, which no block tells of.
        return self.numbered and max(self.mutation, 1) <= self.accounted <= self.newest


def read_progress(ledger: Ledger, source: Source) -> Progress:
    """How far the changes of a source are accounted for.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    # First, so that what was accounted for is among what is visible.
    accounted = ledger.query(_ACCOUNTED, {"source": source.value})
    written = TableWrites(ledger).of(source.table)
    blocks = NO_BLOCKS if written is None else written.tables[source.table]
    if blocks == NO_BLOCKS:
        return _read_progress_by_name(ledger, source)
    table_id = UUID(blocks.table_id)
    return Progress(
        table_id=table_id,
        newest=blocks.newest,
        mutation=blocks.mutation,
        accounted=max((cast("int", row["accounted"]) for row in accounted if row["table_id"] == table_id), default=0),
        numbered=True,
    )


def _read_progress_by_name(ledger: Ledger, source: Source) -> Progress:
    """The same of a table that has no parts, or whose parts do not tell."""
    parameters = {"database": ledger.dsn.database, "table": source.table, "source": source.value}
    (row,) = ledger.query(_PROGRESS, parameters)
    return Progress(
        table_id=cast("UUID", row["table_id"]),
        newest=cast("int", row["newest"]),
        mutation=cast("int", row["mutation"]),
        accounted=cast("int", row["accounted"]),
        numbered=row["engine"] == _NUMBERED,
    )


def unfinished_mutation(ledger: Ledger, source: Source) -> int | None:
    """The number of the first mutation that has not reached every part yet; None where there is none.

    Read it after the progress: then the mutations that have left their number somewhere are finished or here.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    (row,) = ledger.query(_UNFINISHED, {"database": ledger.dsn.database, "table": source.table})
    return cast("int", row["first"]) or None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed.

    Attributes:
        hours: By hour, counted from 1970.
        slices: By hour, then by slice of that hour, of the hours that were asked for.
        records: How many records changed, each as often as it came; 0 where they were not counted.
    """

    hours: Touches = field(default_factory=Touches)
    slices: dict[int, Touches] = field(default_factory=dict[int, Touches])
    records: int = 0

    def joined(self, later: Changes) -> Changes:
        """These and later ones."""
        return Changes(
            self.hours | later.hours,
            {hour: self.slices.get(hour, {}) | later.slices.get(hour, {}) for hour in {*self.slices, *later.slices}},
            self.records + later.records,
        )


def read_changes(
    ledger: Ledger, source: Source, accounted: int, sliced: Collection[int] = (), *, hour: int | None = None
) -> Changes:
    """What blocks after a certain one changed; hours before 1970 are left out.

    Read it after the progress that it goes on from: then a change is in the marks or here, at least once.

    Args:
        ledger: What is read.
        source: The records.
        accounted: Only blocks after this one.
        sliced: Hours whose slices are told apart.
        hour: Only this hour; None looks at all.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    window = (0, LAST_NS) if hour is None else (hour * HOUR_NS, (hour + 1) * HOUR_NS)
    parameters = {"accounted": accounted, "sliced": sorted(sliced), "first": window[0], "after": window[1]}
    rows = ledger.query(_CHANGES.replace("{table}", source.table), parameters)
    changes = Changes(records=sum(cast("int", row["records"]) for row in rows))
    for row in rows:
        changed, slice_, block = (cast("int", row[name]) for name in ("hour", "slice", "touched"))
        changes.hours[changed] = max(block, changes.hours.get(changed, 0))
        if slice_ >= 0:
            changes.slices.setdefault(changed, {})[slice_] = block
    return changes

"""Copies a ledger into an empty one, so that it can be stopped and taken up again.

Rows go as they are, table by table and part of the calendar by part: into a table beside, which then takes the place
of the part as a whole. So no view makes anything of them a second time, and a record keeps its version. What is done is
noted in the target; where a crash lost the note, the same part takes its place once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from spanledger.exceptions import ConfigurationError, LedgerUnavailableError
from spanledger_clickhouse.migrations import check_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Difference", "Part", "copy_parts", "differences", "parts_of", "prepare_target"]

_PROGRESS: Final = """
CREATE TABLE IF NOT EXISTS copied_parts
(
    table     String,
    partition String,
    rows      UInt64,
    copied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(copied_at)
ORDER BY (table, partition)
"""
_LEFT_OUT: Final = ("copied_parts", "schema_migrations", "leases_local")
"""The target has its own; rollups are made anew from the records."""
_STORED: Final = """
SELECT name, engine LIKE 'Replacing%' AS replaces
FROM system.tables
WHERE database = {database:String} AND engine LIKE '%MergeTree' AND name NOT IN {left_out:Array(String)}
    AND NOT startsWith(name, 'rollup_') AND NOT startsWith(name, '.') AND NOT startsWith(name, 'copying_')
ORDER BY name = 'otel_traces', name
"""
_MONEY: Final = {"cost_records_local": "total_cost"}


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a copy.

    Attributes:
        table: The table.
        partition: The engine's name for the part of the calendar; ``all`` for a table that has none.
        rows: How many rows the source has in it, repeats included.
    """

    table: str
    partition: str
    rows: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the two ledgers do not say the same.

    Attributes:
        table: The table.
        partition: Which part of it.
        source: Rows of the source, and the exact sum of money where the table has any; empty where there are none.
        target: The same of the target.
    """

    table: str
    partition: str
    source: str
    target: str


def prepare_target(source: Ledger, target: Ledger) -> None:
    """Make sure that a copy can go ahead; the target is changed only by the table that notes the progress.

    Raises:
        MigrationError: One of the two does not have the schema of this program.
        ConfigurationError: The target has rows that no copy put there, or one of the two is spread over a cluster.
    """
    for ledger in (source, target):
        check_schema(ledger)
        if ledger.dsn.cluster:
            message = "A ledger on a cluster cannot be copied part by part; use the server's BACKUP and RESTORE."
            raise ConfigurationError(message)
    begun = target.query("EXISTS TABLE copied_parts")[0]["result"]
    foreign = [] if begun else [part for part in parts_of(target) if not part.table.endswith("_progress")]
    if foreign:
        message = f"The target has {foreign[0].rows} rows in {foreign[0].table} already; copy into a new ledger."
        raise ConfigurationError(message)
    target.command(_PROGRESS)


def parts_of(ledger: Ledger) -> list[Part]:
    """What there is to copy, records first and spans last."""
    return [
        Part(table, str(row["partition"]), cast("int", row["rows"]))
        for table, _ in _tables(ledger)
        for row in ledger.query(
            f"SELECT _partition_id AS partition, count() AS rows FROM {table} GROUP BY partition ORDER BY partition"  # noqa: S608 - a table of the ledger
        )
    ]


def copy_parts(source: Ledger, target: Ledger) -> Iterator[tuple[Part, bool]]:
    """Copy what the target does not have; gives each part, and whether it was copied just now.

    Call :func:`prepare_target` before.

    Raises:
        LedgerUnavailableError: A part arrived incomplete; the same call goes on from there.
        ClickHouseError: One of the ledgers did not answer.
    """
    done = {(row["table"], row["partition"]) for row in target.query("SELECT table, partition FROM copied_parts FINAL")}
    for part in parts_of(source):
        if (part.table, part.partition) in done:
            yield part, False
            continue
        _copy(source, target, part)
        target.command(
            "INSERT INTO copied_parts (table, partition, rows) "
            "SELECT {table:String}, {partition:String}, {rows:UInt64}",
            {"table": part.table, "partition": part.partition, "rows": part.rows},
        )
        yield part, True


def differences(source: Ledger, target: Ledger) -> list[Difference]:
    """Compare distinct rows and exact sums of money, table by table and month by month; empty if all is the same."""
    found: list[Difference] = []
    for table, replaces in _tables(source):
        ours, theirs = _summary(source, table, replaces=replaces), _summary(target, table, replaces=replaces)
        found += [
            Difference(table, partition, ours.get(partition, ""), theirs.get(partition, ""))
            for partition in sorted(ours.keys() | theirs.keys())
            if ours.get(partition) != theirs.get(partition)
        ]
    return found


def _tables(ledger: Ledger) -> list[tuple[str, bool]]:
    rows = ledger.query(_STORED, {"database": ledger.dsn.database, "left_out": list(_LEFT_OUT)})
    return [(str(row["name"]), bool(row["replaces"])) for row in rows]


def _copy(source: Ledger, target: Ledger, part: Part) -> None:
    beside = f"copying_{part.table}"
    target.command(f"DROP TABLE IF EXISTS {beside}")
    # What is old must not expire while it waits to be counted.
    target.command(f"CREATE TABLE {beside} AS {part.table}")
    target.command(f"SYSTEM STOP TTL MERGES {beside}")
    with source.borrow() as reader, target.borrow() as writer:
        rows = reader.raw_query(
            f"SELECT * FROM {part.table} WHERE _partition_id = {{partition:String}}",  # noqa: S608 - a table of the ledger
            parameters={"partition": part.partition},
            fmt="Native",
        )
        settings = {"async_insert": "0", "optimize_on_insert": "0", "max_partitions_per_insert_block": "0"}
        writer.raw_insert(beside, insert_block=rows, settings=settings, fmt="Native")
    [arrived] = target.query(f"SELECT count() AS rows FROM {beside}")  # noqa: S608 - as above
    if arrived["rows"] != part.rows:
        message = f"Of {part.rows} rows of {part.table}, {part.partition}, {arrived['rows']} arrived; run it again."
        raise LedgerUnavailableError(message)
    target.command(f"ALTER TABLE {part.table} REPLACE PARTITION ID '{part.partition}' FROM {beside}")
    target.command(f"DROP TABLE {beside}")


def _summary(ledger: Ledger, table: str, *, replaces: bool) -> dict[str, str]:
    money = _MONEY.get(table)
    total = f"toString(sum(toDecimal256({money}, 12)))" if money else "''"
    final = " FINAL" if replaces else ""
    rows = ledger.query(
        f"SELECT _partition_id AS partition, concat(toString(count()), ' rows ', {total}) AS said "  # noqa: S608 - as above
        f"FROM {table}{final} GROUP BY partition"
    )
    return {str(row["partition"]): str(row["said"]).strip() for row in rows}

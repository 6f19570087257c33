"""The records of one execution, each as its newest version says it.

The index on executions finds rows, and a newer version of one may name another execution, or none. ``FINAL`` settles
that by merging whatever it reads, which takes most of the time for ten records among many parts. From the embedded
engine the rows that name the execution are taken as they lie, and then it is asked for further rows of their keys,
which there seldom are. Which of several counts is decided as ``FINAL`` would: the highest version (see
:mod:`spanledger_clickhouse.record_versions`), of equal ones the latest.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger_api.filters import Where
from spanledger_api.rows import ask_with, integer, text
from spanledger_clickhouse.part_name import PartName
from spanledger_clickhouse.rollups import Source, find_execution

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["read_records"]

_MOST_ROWS: Final = 1000
"""Of so many rows the keys are bound as parameters; the engine looks those of more up itself."""

# One thread, as both kinds of records are read at once.
_SETTINGS: Final = {"max_threads": 1, "use_skip_indexes_if_final": 0}

# The records' tables rather than their views: to resolve the views takes the engine longer than to read the rows. The
# keys include all versions of the rows: with the index alone FINAL might miss the newer one of a row, and the engine's
# own cure for that reads the whole day from every part where one is fresh.
_MERGED: Final = Template("""
SELECT $columns
FROM $table AS r FINAL
PREWHERE ($key) IN (SELECT $key FROM $table WHERE $where)
WHERE $where
ORDER BY started_ns, trace, span
""")
# The execution alone decides which rows are read further, the days only where they are looked for.
_NAMED: Final = Template("""
SELECT $columns, $version, _partition_id AS partition, _part AS part
FROM $table AS r
PREWHERE execution_id = {execution_id:String}
WHERE $where
LIMIT $most
""")
# To compare eight bytes is quick, and hardly another row has them. Parts that are left out are not opened.
_OTHERS: Final = Template("""
SELECT $columns, $version
FROM $table AS r
PREWHERE span_id IN (SELECT toFixedString(unhex(arrayJoin({spans:Array(String)})), 8))
    AND (_part, _part_offset) NOT IN {read:Array(Tuple(String, UInt64))}
WHERE ($key) IN (
    SELECT key.1, key.2, key.3, toFixedString(unhex(key.4), 16), toFixedString(unhex(key.5), 8)
    FROM (SELECT arrayJoin({keys:Array(Tuple($types))}) AS key))
    AND $where
""")
_ELSEWHERE: Final = "_part NOT IN {parts:Array(String)}"
_VERSION: Final = "toDate(started_at) AS day, r.version AS version, _block_number AS block, _part_offset AS place"
_DIGEST: Final = "lower(hex(MD5(concat(r.trace_id, r.span_id)))) AS digest"
_IDS: Final = "lower(hex(r.trace_id)) AS trace, lower(hex(r.span_id)) AS span"


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the records of a source are stored and shown.

    Attributes:
        columns: What is shown of a record.
        key: The sorting key of the table, which all versions of a record have in common.
        names: What its columns are called in a row.
        types: Their types, as they are bound.
        is_deleted: SQL of whether a version says that there is no such record.
    """

    columns: str
    key: str
    names: tuple[str, ...]
    types: str
    is_deleted: str

    def of(self, sql: Template, source: Source, columns: str) -> Template:
        """A statement about the source, with only the conditions left open."""
        version = f"{_VERSION}, {self.is_deleted} AS is_deleted"
        fixed = {"table": source.table, "key": self.key, "types": self.types, "most": _MOST_ROWS + 1}
        return Template(sql.safe_substitute(columns=columns, version=version, **fixed))

    def key_of(self, row: Row) -> tuple[object, ...]:
        """The key of a row, identifiers in hexadecimal."""
        return tuple(row[name] for name in self.names)


_LAYOUTS: Final = {
    Source.COST: _Layout(
        f"""{_DIGEST}, execution_id, user_id, service, operation, quantity, unit, unit_cost, total_cost,
    toUnixTimestamp64Nano(started_at) AS started_ns, duration_ns, metadata,
    toUnixTimestamp64Milli(arrived_at) * 1000000 AS created_ns, currency, source, price_id, reason, model, task_type,
    step_name, prompt_category, prompt_name, status, error, {_IDS}""",
        key="toDate(started_at), user_id, service, trace_id, span_id",
        names=("day", "user_id", "service", "trace", "span"),
        types="Date, String, String, String, String",
        is_deleted="r.is_deleted",
    ),
    Source.PERFORMANCE: _Layout(
        f"""{_DIGEST}, execution_id, user_id, task_type, step_name, toUnixTimestamp64Nano(started_at) AS started_ns,
    toUnixTimestamp64Nano(addNanoseconds(started_at, duration_ns)) AS completed_ns, duration_ns, status, error,
    metadata, toUnixTimestamp64Milli(arrived_at) * 1000000 AS created_ns, {_IDS}""",
        key="task_type, toDate(started_at), step_name, trace_id, span_id",
        names=("task_type", "day", "step_name", "trace", "span"),
        types="String, Date, String, String, String",
        is_deleted="0",
    ),
}


def read_records(ledger: Ledger, source: Source, where: Where, execution_id: str) -> list[Row]:
    """The records of one source that name an execution, ascending by start, read only where it has any.

    Args:
        ledger: What is read.
        source: The records.
        where: What says that a record names the execution; it binds the identifier as ``execution_id``.
        execution_id: The execution.

    Returns:
        A row has what is shown of a record: instants as nanoseconds since 1970 UTC (``started_ns``, ``created_ns``, of
        steps ``completed_ns``), ``duration_ns``, identifiers in hexadecimal (``trace``, ``span``), and the MD5
        ``digest`` of both, which the record's own identifier is made of.

    Raises:
        LedgerUnavailableError: The ledger cannot be reached or did not answer in time.
    """
    layout = _LAYOUTS[source]
    found = find_execution(ledger, source, execution_id)
    where = where.at(found)
    # Where rows are hidden, a version that may be seen could pass for the newest. On a cluster parts of several shards
    # have the same names, and a server may be older than what is told of them.
    if ledger.dsn.embedded and not ledger.hides_rows:
        named = ask_with(ledger, layout.of(_NAMED, source, layout.columns), where, _SETTINGS)
        if len(named) <= _MOST_ROWS:
            # Settled before the rows were read: what was written since may be in the answer or not.
            settled = found is not None and all(text(row, "part") in found.settled_parts for row in named)
            others = [] if settled else _other_versions(ledger, source, named)
            return [row for row in _newest(layout, [*named, *others]) if row["execution_id"] == execution_id]
    return ask_with(ledger, layout.of(_MERGED, source, layout.columns), where, _SETTINGS)


def _other_versions(ledger: Ledger, source: Source, named: Sequence[Row]) -> list[Row]:
    """All rows of the same keys that are not among these; perhaps some that are, where a merge has moved them."""
    layout = _LAYOUTS[source]
    if not named:
        return []
    narrow = layout.of(_OTHERS, source, f"{', '.join(_stored_names(layout))}, {_IDS}")
    superseding = ask_with(ledger, narrow, _of_keys(layout, named, named), _SETTINGS)
    if not superseding:
        return []
    wide = layout.of(_OTHERS, source, layout.columns)
    return ask_with(ledger, wide, _of_keys(layout, superseding, named), _SETTINGS)


def _stored_names(layout: _Layout) -> list[str]:
    return [name for name in layout.names if name not in {"day", "trace", "span"}]


def _of_keys(layout: _Layout, rows: Sequence[Row], read: Sequence[Row]) -> Where:
    """Of the keys of some rows, without rows that were read."""
    values = {
        "keys": [layout.key_of(row) for row in rows],
        "spans": [text(row, "span") for row in rows],
        "read": [(text(row, "part"), integer(row, "place")) for row in read],
        "parts": _exhausted_parts(read),
    }
    return Where((_ELSEWHERE,), values)


def _exhausted_parts(rows: Iterable[Row]) -> list[str]:
    """The parts in which nothing else can be a version of these rows.

    A part that was merged has one row of a key, a fresh one may have several. So all that is read of a month may lie in
    one merged part: as all rows of a key lie in one month, none of them has another one there.
    """
    months: dict[str, set[str]] = {}
    for row in rows:
        months.setdefault(text(row, "partition"), set()).add(text(row, "part"))
    return [part for parts in months.values() if len(parts) == 1 for part in parts if PartName.of(part).level]


def _newest(layout: _Layout, rows: Iterable[Row]) -> list[Row]:
    """The row of each key that counts, ascending by start; none of a record that its newest version deletes."""
    by_key: dict[tuple[object, ...], Row] = {}
    for row in sorted(rows, key=lambda row: [integer(row, name) for name in ("version", "block", "place")]):
        by_key[layout.key_of(row)] = row
    kept = [row for row in by_key.values() if not row["is_deleted"]]
    return sorted(kept, key=lambda row: (integer(row, "started_ns"), text(row, "trace"), text(row, "span")))

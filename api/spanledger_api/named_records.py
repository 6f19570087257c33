"""Records that name executions, each as its newest version says it.

The index on executions finds rows, and a newer version of one may name another execution, or none. ``FINAL`` settles
that by merging whatever it reads, which takes most of the time for ten records among many parts. From the embedded
engine the rows that name the executions are taken as they lie, and then it is asked for further rows of their keys,
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
from spanledger_clickhouse.rollups import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["IDS", "SETTINGS", "RecordLayout", "read_newest"]

_MOST_KEYS: Final = 50_000
"""So many keys are bound as parameters; the engine looks up more itself."""

# One thread, as both kinds of records are read at once.
SETTINGS: Final = {"max_threads": 1, "use_skip_indexes_if_final": 0}
"""Settings of the statements that read records of executions."""

# The execution alone decides which rows are read further, the days only where they are looked for.
_NAMED: Final = Template("""
SELECT $columns, $version, _partition_id AS partition, _part AS part
FROM $table AS r
PREWHERE $named
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
_KEYS: Final = {
    Source.COST: "toDate(started_at), user_id, service, trace_id, span_id",
    Source.PERFORMANCE: "task_type, toDate(started_at), step_name, trace_id, span_id",
}
_NAMES: Final = {
    Source.COST: ("day", "user_id", "service", "trace", "span"),
    Source.PERFORMANCE: ("task_type", "day", "step_name", "trace", "span"),
}
_TYPES: Final = {
    Source.COST: "Date, String, String, String, String",
    Source.PERFORMANCE: "String, Date, String, String, String",
}
IDS: Final = "lower(hex(r.trace_id)) AS trace, lower(hex(r.span_id)) AS span"
"""SQL of the columns that give a record's identifiers in hexadecimal."""


@dataclass(frozen=True, slots=True)
class RecordLayout:
    """How the records of a source are stored and shown.

    Attributes:
        source: The records.
        columns: What is shown of a record: ``execution_id``, ``started_ns``, :data:`IDS` and what else is in its key at
            least.
        most_rows: So many rows are read one by one at most.
    """

    source: Source
    columns: str
    most_rows: int = 1000

    @property
    def key(self) -> str:
        """The sorting key of the table, which all versions of a record have in common."""
        return _KEYS[self.source]

    def of(self, sql: Template, columns: str, **words: str) -> Template:
        """A statement about the source, with only the conditions left open."""
        # Steps are never taken back.
        version = f"{_VERSION}, {'r.is_deleted' if self.source is Source.COST else '0'} AS is_deleted"
        fixed = {"table": self.source.table, "key": self.key, "types": _TYPES[self.source], "most": self.most_rows + 1}
        return Template(sql.safe_substitute(columns=columns, version=version, **fixed, **words))

    def key_of(self, row: Row) -> tuple[object, ...]:
        """The key of a row, identifiers in hexadecimal."""
        return tuple(row[name] for name in _NAMES[self.source])


def read_newest(
    ledger: Ledger, layout: RecordLayout, named: str, where: Where, settled: Collection[str]
) -> list[Row] | None:
    """The records of which any version names some executions, as the newest version of each says them.

    Args:
        ledger: What is read.
        layout: What is shown of them.
        named: The condition that a row names one of the executions.
        where: When they have records, by whole days as far as versions of a record may have two starts; it binds what
            the condition needs.
        settled: Parts of the table that hold every record of their month, and none twice.

    Returns:
        Rows ascending by start, among them those whose newest version names another execution. None where FINAL has to
        tell: there are too many, or the ledger is not of this process.

    Raises:
        LedgerUnavailableError: The ledger cannot be reached or did not answer in time.
    """
    # Where rows are hidden, a version that may be seen could pass for the newest. On a cluster parts of several shards
    # have the same names, and a server may be older than what is told of them.
    if not ledger.dsn.embedded or ledger.hides_rows:
        return None
    rows = ask_with(ledger, layout.of(_NAMED, layout.columns, named=named), where, SETTINGS)
    # Settled before the rows were read: what was written since may be in the answer or not.
    fresh = [row for row in rows if text(row, "part") not in settled]
    if len(rows) > layout.most_rows or len(fresh) > _MOST_KEYS:
        return None
    # A row that came since may have another version in its month, whatever was settled there before.
    came = {text(row, "partition") for row in fresh}
    parts = [*_exhausted_parts(rows), *(part for part in settled if PartName.of(part).partition not in came)]
    return _newest(layout, [*rows, *_other_versions(ledger, layout, fresh, parts)])


def _other_versions(ledger: Ledger, layout: RecordLayout, rows: Sequence[Row], parts: Sequence[str]) -> list[Row]:
    """All rows of the same keys that are not among these, nor in some parts; perhaps some that a merge has moved."""
    if not rows:
        return []
    narrow = layout.of(_OTHERS, f"{', '.join(_stored_names(layout))}, {IDS}")
    superseding = ask_with(ledger, narrow, _of_keys(layout, rows, rows, parts), SETTINGS)
    if not superseding:
        return []
    wide = layout.of(_OTHERS, layout.columns)
    return ask_with(ledger, wide, _of_keys(layout, superseding, rows, parts), SETTINGS)


def _stored_names(layout: RecordLayout) -> list[str]:
    return [name for name in _NAMES[layout.source] if name not in {"day", "trace", "span"}]


def _of_keys(layout: RecordLayout, rows: Sequence[Row], read: Sequence[Row], parts: Sequence[str]) -> Where:
    """Of the keys of some rows, without rows that were read and without some parts."""
    values = {
        "keys": [layout.key_of(row) for row in rows],
        "spans": [text(row, "span") for row in rows],
        "read": [(text(row, "part"), integer(row, "place")) for row in read],
        "parts": list(parts),
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


def _newest(layout: RecordLayout, rows: Iterable[Row]) -> list[Row]:
    """The row of each key that counts, ascending by start; none of a record that its newest version deletes."""
    by_key: dict[tuple[object, ...], Row] = {}
    for row in sorted(rows, key=lambda row: [integer(row, name) for name in ("version", "block", "place")]):
        by_key[layout.key_of(row)] = row
    kept = [row for row in by_key.values() if not row["is_deleted"]]
    return sorted(kept, key=lambda row: (integer(row, "started_ns"), text(row, "trace"), text(row, "span")))

"""What analysts may name: tables, functions and formats, each by a list of what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

__all__ = [
    "BUFFERED_FORMATS",
    "INSERT_FORMATS",
    "STREAMED_FORMATS",
    "TABLE_FUNCTIONS",
    "Scope",
    "content_type",
    "is_allowed_function",
    "listed",
]

# What these are made of is not for reading, and neither is what else the ledger's database comes to hold.
_LEDGER_TABLES: Final = frozenset(
    {"cost_records", "otel_traces", "performance_records", "schema_migrations", "task_executions"}
)

# Tables of the engine's own databases. None of them holds what somebody asked or wrote.
_INFORMATION_SCHEMA: Final = frozenset({"columns", "key_column_usage", "referential_constraints", "schemata", "tables"})

_SYSTEM_TABLES: Final = {
    "system": frozenset(
        {
            # What clients ask for when they connect, complete names or show a tree of tables.
            *("collations", "columns", "data_type_families", "databases", "formats", "functions", "keywords"),
            *("numbers", "one", "settings", "table_engines", "table_functions", "tables", "time_zones"),
        }
    ),
    "information_schema": _INFORMATION_SCHEMA | {name.upper() for name in _INFORMATION_SCHEMA},
    "INFORMATION_SCHEMA": _INFORMATION_SCHEMA | {name.upper() for name in _INFORMATION_SCHEMA},
}
TABLE_FUNCTIONS: Final = frozenset({"generate_series", "generateseries", "numbers", "values"})
"""Table functions that make their rows of nothing but their arguments, in lower case."""

STREAMED_FORMATS: Final = {
    name.lower(): name
    for name in (
        *("CSV", "JSONCompactEachRow", "JSONCompactStringsEachRow", "JSONEachRow", "JSONLines", "JSONStringsEachRow"),
        *("NDJSON", "Native", "RowBinary", "TSKV", "TSV", "TSVRaw", "TabSeparated", "TabSeparatedRaw", "LineAsString"),
    )
}
"""Formats without a beginning or an end: the engine writes them in parts that follow each other. By lower-case name."""

BUFFERED_FORMATS: Final = {
    name.lower(): name
    for name in (
        *("Arrow", "ArrowStream", "CSVWithNames", "CSVWithNamesAndTypes", "JSON", "JSONColumns"),
        *("JSONColumnsWithMetadata", "JSONCompact", "JSONCompactColumns", "JSONCompactEachRowWithNames"),
        *("JSONCompactEachRowWithNamesAndTypes", "JSONCompactStrings", "JSONObjectEachRow", "JSONStrings"),
        *("Markdown", "MsgPack", "Null", "Parquet", "Pretty", "PrettyCompact", "PrettyCompactMonoBlock"),
        *("PrettyMonoBlock", "PrettyNoEscapes", "PrettySpace", "RowBinaryWithNames", "RowBinaryWithNamesAndTypes"),
        *("SQLInsert", "TSVRawWithNames", "TSVWithNames", "TSVWithNamesAndTypes", "TabSeparatedRawWithNames"),
        *("TabSeparatedWithNames", "TabSeparatedWithNamesAndTypes", "Values", "Vertical", "XML"),
    )
}
"""Formats that are whole or nothing, by lower-case name, without those that read a schema or template from a file."""

INSERT_FORMATS: Final = {
    name.lower(): name
    for name in (
        *("Arrow", "ArrowStream", "CSV", "CSVWithNames", "CSVWithNamesAndTypes", "JSONCompactEachRow"),
        *("JSONCompactEachRowWithNames", "JSONCompactEachRowWithNamesAndTypes", "JSONEachRow", "JSONLines", "NDJSON"),
        *("Native", "Parquet", "RowBinary", "RowBinaryWithNames", "RowBinaryWithNamesAndTypes", "TSKV", "TSV"),
        *("TSVWithNames", "TSVWithNamesAndTypes", "TabSeparated", "TabSeparatedWithNames"),
        *("TabSeparatedWithNamesAndTypes",),
    )
}
"""Formats of inserts, by lower-case name. Values is left out: the engine takes expressions there, and runs them."""

_COMBINATORS: Final = (
    *("simplestate", "ordefault", "distinct", "resample", "foreach", "argmax", "argmin", "ornull", "merge", "state"),
    *("array", "map", "if"),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """How the names of tables are read.

    Attributes:
        ledger: Database of the ledger.
        current: Database that bare names belong to.
    """

    ledger: str
    current: str

    @classmethod
    def of(cls, ledger: str, asked: str) -> Scope | None:
        """The scope of a request that asks for a database; None if it may not be read.

        Clients ask for ``default`` where nobody told them another; they get the ledger.
        """
        current = ledger if asked in {"", "default"} else asked
        return cls(ledger, current) if current == ledger or current in _SYSTEM_TABLES else None

    def allows(self, database: str | None, table: str) -> bool:
        """Whether analysts may read a table; None as the database means a bare name."""
        database = database or self.current
        if database == self.ledger:
            return table in _LEDGER_TABLES
        return table in _SYSTEM_TABLES.get(database, ())

    def knows(self, database: str) -> bool:
        """Whether a database is one that analysts may look into."""
        return database == self.ledger or database in _SYSTEM_TABLES


def is_allowed_function(name: str) -> bool:
    """Whether analysts may call a function, by its name in any case; aggregate functions with combinators too."""
    lowered = name.lower()
    return lowered in listed("functions.txt") or _is_allowed_aggregate(lowered)


def content_type(output_format: str) -> str:
    """The media type of an answer in a format."""
    if output_format.startswith("JSON") and "EachRow" not in output_format:
        return "application/json; charset=UTF-8"
    if output_format.startswith(("JSON", "NDJSON")):
        return "application/x-ndjson; charset=UTF-8"
    if output_format in {"Native", "Arrow", "ArrowStream", "Parquet", "MsgPack"} or output_format.startswith("RowBin"):
        return "application/octet-stream"
    if output_format.startswith("CSV"):
        return "text/csv; charset=UTF-8"
    if output_format.startswith(("TSV", "Tab", "TSKV")):
        return "text/tab-separated-values; charset=UTF-8"
    return "text/plain; charset=UTF-8"


def _is_allowed_aggregate(name: str) -> bool:
    if name in listed("aggregates.txt"):
        return True
    return any(name.endswith(ending) and _is_allowed_aggregate(name.removesuffix(ending)) for ending in _COMBINATORS)


@cache
def listed(resource: str) -> frozenset[str]:
    """The names in one of the two lists of functions, ``functions.txt`` or ``aggregates.txt``, in lower case."""
    lines = (files(__package__ or __name__) / resource).read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))

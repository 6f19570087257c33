"""Exports in pieces: whatever their size, only a block of them is in memory."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from spanledger_clickhouse.exports.columns import TABLES, native_sql, text_sql
from spanledger_clickhouse.exports.focus import focus_columns
from spanledger_clickhouse.exports.selection import ExportFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from _typeshed import ReadableBuffer

    from spanledger_clickhouse.exports.selection import Selection
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["count_rows", "stream"]

# They stand in the statement: given beside it they would make the embedded engine's client hold the whole result.
_LIMITS: Final = """
SETTINGS max_block_size = 8192, max_threads = 1, max_memory_usage = 1000000000, max_execution_time = 3600,
    max_result_rows = 0, max_result_bytes = 0, max_rows_to_read = 0"""
# Small blocks in one thread: what is read and formatted ahead of the reader lies in memory.
_TEXT_SETTINGS: Final = f"""{_LIMITS},
    output_format_json_quote_64bit_integers = 0, output_format_json_quote_decimals = 0,
    output_format_json_escape_forward_slashes = 0, output_format_decimal_trailing_zeros = 0,
    format_csv_null_representation = '', output_format_parallel_formatting = 0"""
_HOURS: Final = """
SELECT toUnixTimestamp(toStartOfHour(started_at, 'UTC')) AS hour, count() AS n
FROM {table} WHERE {where} GROUP BY hour ORDER BY hour"""


_PIECE_BYTES: Final = 256 * 1024
_ROW_GROUP: Final = 50_000


def count_rows(ledger: Ledger, selection: Selection) -> int:
    """How many rows an export will have."""
    sql = f"SELECT count() AS n FROM {selection.table} WHERE {selection.where}"  # noqa: S608 - names of enumerations
    (row,) = ledger.query(sql, selection.parameters)
    return cast("int", row["n"])


def stream(ledger: Ledger, selection: Selection, progress: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The export in pieces, rows in no particular order.

    Amounts keep every digit: as decimals in Parquet, as plain numbers in CSV and JSON. Close the iterator to stop.

    Args:
        ledger: Where the rows are.
        selection: What to export.
        progress: Told after each piece how many rows it held.

    Raises:
        ClickHouseError: The ledger failed; pieces given out before stay incomplete.
    """
    told = progress or _untold
    if selection.form is ExportFormat.PARQUET:
        return _parquet(ledger, selection, told)
    return _text(ledger, selection, told)


def _untold(rows: int) -> None:
    del rows


def _text(ledger: Ledger, selection: Selection, progress: Callable[[int], None]) -> Iterator[bytes]:
    columns = _text_columns(selection)
    form = "CSV"
    if selection.form is ExportFormat.JSONL:
        form = "JSONEachRow"
    else:
        heading = io.StringIO()
        csv.writer(heading, lineterminator="\n").writerow(columns)
        yield heading.getvalue().encode()
    sql = _sql(selection, columns) + _TEXT_SETTINGS
    with ledger.borrow() as client:
        raw = client.raw_stream(sql, parameters=selection.parameters, fmt=form)
        with closing(cast("BinaryIO", raw)) as source:
            while piece := source.read(_PIECE_BYTES):
                yield piece
                progress(piece.count(b"\n"))


def _text_columns(selection: Selection) -> dict[str, str]:
    if selection.form.is_focus:
        return focus_columns(selection.form)
    as_text = selection.form is ExportFormat.CSV
    return {name: text_sql(name, kind, maps_as_text=as_text) for name, kind in TABLES[selection.table].items()}


def _parquet(ledger: Ledger, selection: Selection, progress: Callable[[int], None]) -> Iterator[bytes]:
    arrow, parquet = _arrow()
    columns = {name: native_sql(name, kind) for name, kind in TABLES[selection.table].items()}
    written = _Pieces()
    stretches = _stretches(ledger, selection)
    with ledger.borrow() as client:
        nothing = f"{_sql(selection, columns)} LIMIT 0"
        schema = cast("Any", client.query_arrow(nothing, parameters=selection.parameters)).schema
        writer = parquet.ParquetWriter(arrow.PythonFile(written, mode="w"), schema, compression="zstd")
        for start, end in stretches:
            part = replace(selection, start=start, end=end)
            rows = cast("Any", client.query_arrow(_sql(part, columns) + _LIMITS, parameters=part.parameters))
            writer.write_table(rows.cast(schema))
            yield written.taken()
            progress(rows.num_rows)
        writer.close()
        yield written.taken()


def _arrow() -> tuple[Any, Any]:
    """Arrow and its Parquet, which are slow to load and declare no types."""
    return import_module("pyarrow"), import_module("pyarrow.parquet")


def _stretches(ledger: Ledger, selection: Selection) -> list[tuple[int, int]]:
    """Hours together until they are worth a row group: Arrow has all rows of a statement before the first is given."""
    sql = _HOURS.format(table=selection.table, where=selection.where)
    found: list[tuple[int, int]] = []
    start, gathered = selection.start, 0
    for row in ledger.query(sql, selection.parameters):
        gathered += cast("int", row["n"])
        if gathered >= _ROW_GROUP:
            end = min((cast("int", row["hour"]) + 3_600) * 10**9, selection.end)
            found.append((start, end))
            start, gathered = end, 0
    return [*found, (start, selection.end)] if start < selection.end else found


def _sql(selection: Selection, columns: Mapping[str, str]) -> str:
    named = ", ".join(f"{expression} AS `{name}`" for name, expression in columns.items())
    # The conditions mean the columns of the table, of which some of the export have the names.
    return f"SELECT {named} FROM (SELECT * FROM {selection.table} WHERE {selection.where})"  # noqa: S608 - names of enumerations, values bound


class _Pieces(io.RawIOBase):
    """A file that is handed on as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """How much has been written, taken away or not."""
        return self._length

    def write(self, data: ReadableBuffer, /) -> int:
        """Keep a piece until it is taken."""
        piece = bytes(data)
        self._pieces.append(piece)
        self._length += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

"""Exports in pieces: whatever their size, only a block of them is in memory."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from spanledger_clickhouse.exports.columns import TABLES, native_sql, text_sql
from spanledger_clickhouse.exports.focus import focus_columns
from spanledger_clickhouse.exports.selection import ExportFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from _typeshed import ReadableBuffer

    from spanledger_clickhouse.exports.selection import Selection
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["count_rows", "stream"]

_TEXT_SETTINGS: Final = {
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 0,
    "output_format_json_escape_forward_slashes": 0,
    "output_format_decimal_trailing_zeros": 0,
    "format_csv_null_representation": "",
    # Small blocks in one thread: what is read and formatted ahead of the reader lies in memory.
    "max_block_size": 8192,
    "output_format_parallel_formatting": 0,
    "max_threads": 1,
}


class _Batch(Protocol):
    """Rows as Arrow holds them."""

    @property
    def num_rows(self) -> int: ...


_PIECE_BYTES: Final = 256 * 1024
_ROW_GROUP: Final = 100_000


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
    sql = _sql(selection, columns)
    with ledger.borrow() as client:
        raw = client.raw_stream(sql, parameters=selection.parameters, settings=_TEXT_SETTINGS, fmt=form)
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
    sql = _sql(selection, {name: native_sql(name, kind) for name, kind in TABLES[selection.table].items()})
    written = _Pieces()
    with ledger.borrow() as client:
        schema = cast("Any", client.query_arrow(f"{sql} LIMIT 0", parameters=selection.parameters)).schema
        writer = parquet.ParquetWriter(arrow.PythonFile(written, mode="w"), schema, compression="zstd")
        with client.query_arrow_stream(sql, parameters=selection.parameters) as batches:
            for group in _groups(cast("Iterator[_Batch]", batches)):
                writer.write_table(arrow.Table.from_batches(group, schema))
                yield written.taken()
                progress(sum(batch.num_rows for batch in group))
        writer.close()
        yield written.taken()


def _arrow() -> tuple[Any, Any]:
    """Arrow and its Parquet, which are slow to load and declare no types."""
    return import_module("pyarrow"), import_module("pyarrow.parquet")


def _groups(batches: Iterator[_Batch]) -> Iterator[list[_Batch]]:
    """Batches together, until they are worth a row group."""
    group: list[_Batch] = []
    for batch in batches:
        group.append(batch)
        if sum(each.num_rows for each in group) >= _ROW_GROUP:
            yield group
            group = []
    if group:
        yield group


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

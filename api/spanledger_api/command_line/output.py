"""How commands print: data on stdout as a table or as JSON, notes on stderr."""

from __future__ import annotations

import csv
import io
import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from spanledger.values import decimal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    return str(value)


def _cells(columns: Sequence[str], row: Mapping[str, object], *, absent: str) -> list[str]:
    return [absent if row.get(column) is None else _plain(row[column]) for column in columns]


def print_json(value: object) -> None:
    """Print one JSON document to stdout; decimals become strings, so that no reader rounds them."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as CSV with a heading to stdout; an absent or None value is empty, a decimal keeps every digit.

    Args:
        columns: Keys to print, in order; they are the headings too.
        rows: One mapping a row.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(_cells(columns, row, absent="") for row in rows)
    click.echo(text.getvalue(), nl=False)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as a table to stdout, numbers flush right, without colour unless stdout is a terminal.

    Without rich, which comes with the server extra, the rows are lines with tabs between the values.

    Args:
        title: Heading of the table.
        columns: Keys to show, in order; they are the headings too.
        rows: One mapping a row; an absent or None value prints as ``-``.
    """
    rows = list(rows)
    try:
        from rich.console import Console  # noqa: PLC0415 - rich is only there with the server extra
        from rich.table import Table  # noqa: PLC0415
    except ModuleNotFoundError:
        lines = [columns, *(_cells(columns, row, absent="-") for row in rows)]
        click.echo("\n".join("\t".join(line) for line in lines))
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        numeric = any(isinstance(row.get(column), int | float | Decimal) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*_cells(columns, row, absent="-"))
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)
    sys.stdout.flush()

"""How commands print: data on stdout as a table or as JSON, notes on stderr."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def decimal_text(amount: Decimal) -> str:
    """Every significant digit of a decimal, without exponent or trailing zeros (``0.06``, ``0``, ``1200``)."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    return str(value)


def print_json(value: object) -> None:
    """Print one JSON document to stdout; decimals become strings, so that no reader rounds them."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as a table to stdout, numbers flush right, without colour unless stdout is a terminal.

    Args:
        title: Heading of the table.
        columns: Keys to show, in order; they are the headings too.
        rows: One mapping a row; an absent or None value prints as ``-``.
    """
    from rich.console import Console  # noqa: PLC0415 - rich is only there with the server extra
    from rich.table import Table  # noqa: PLC0415

    rows = list(rows)
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        numeric = any(isinstance(row.get(column), int | float | Decimal) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("-" if row.get(column) is None else _plain(row[column]) for column in columns))
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)
    sys.stdout.flush()

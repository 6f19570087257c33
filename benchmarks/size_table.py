"""The figures of one ledger size as a table: a row a question, a column a way of answering it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from timing import Percentiles

__all__ = ["print_table"]


def print_table(title: str, columns: Mapping[str, Percentiles], notes: Mapping[str, object]) -> None:
    """Print it to stdout.

    Args:
        title: What was measured.
        columns: The milliseconds of each way; those that were left out are empty.
        notes: Further figures, a line each.
    """
    table = Table("p50 / p99 ms", *columns, title=title)
    for question in dict.fromkeys(name for figures in columns.values() for name in figures):
        table.add_row(question, *(_cell(figures, question) for figures in columns.values()))
    console = Console(width=120)
    console.print(table)
    for name, figure in notes.items():
        console.print(f"{name}: {figure}")


def _cell(figures: Percentiles, question: str) -> str:
    return f"{figures[question]['p50']:,} / {figures[question]['p99']:,}" if question in figures else "-"

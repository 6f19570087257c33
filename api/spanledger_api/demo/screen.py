"""What a person reads of the demonstration: progress on stderr, tables on stdout."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from spanledger.values import decimal_text
from spanledger_api.command_line.output import print_table
from spanledger_api.command_line.report import REPORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from rich.status import Status

    from spanledger_api.demo.readings import Past, Reading

_COST_REPORTS = ("users", "services", "trend", "prompts")
_FAILED_COLUMNS = ("task_type", "user_id", "total_cost", "error_message")
_DURATION_PLACES = Decimal("0.1")


@contextmanager
def progress() -> Generator[Callable[[str], None]]:
    """A function that shows what is going on: one line that changes on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with ExitStack() as shown:
        status: Status | None = None

        def say(text: str) -> None:
            nonlocal status
            if status is None:
                # Imported when the processes that all wait for are on their way, not before.
                from rich.console import Console  # noqa: PLC0415

                status = shown.enter_context(Console(stderr=True).status(text, refresh_per_second=4))
            status.update(text)

        yield say


def print_reading(reading: Reading) -> None:
    """Print every report as a table, and whether they agree."""
    for name in _COST_REPORTS:
        _print_rows(REPORTS[name].title, reading.reports[name])
    for task_type, rows in reading.bottleneck.items():
        _print_rows(f"Slow steps of {task_type} (ms)", rows)
    print_table("Failed executions keep their cost", _FAILED_COLUMNS, reading.failed)
    for advice in reading.reports["recommendations"]:
        click.echo(f"{advice['priority']}: {advice['message']}")
    total = decimal_text(reading.total("services"))
    if reading.agree:
        click.echo(f"\nTotal {total} USD; users, services and days add up to it to the last digit.")
    else:
        sums = ", ".join(f"{name} {decimal_text(reading.total(name))}" for name in _COST_REPORTS[:3])
        click.echo(f"spanledger: the reports disagree: {sums} USD", err=True)


def print_past(past: Past | None) -> None:
    """Print what the days before cost; nothing where there are none."""
    if past is not None:
        cost = decimal_text(past.total_cost)
        click.echo(f"The {past.days} days before hold {past.records} operations for {cost} USD.")


def _print_rows(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows with durations at a tenth of a millisecond; amounts keep every digit."""
    shown = [{name: _shown(name, value) for name, value in row.items()} for row in rows]
    print_table(title, list(rows[0]) if rows else [], shown)


def _shown(name: str, value: object) -> object:
    if name.endswith("_duration") and isinstance(value, Decimal | int):
        return Decimal(value).quantize(_DURATION_PLACES)
    return value

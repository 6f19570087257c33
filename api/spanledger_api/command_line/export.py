"""``spanledger export``: take records out of the ledger into a file."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from spanledger.exceptions import ConfigurationError
from spanledger_api.command_line.instants import from_option, require_order, to_option
from spanledger_api.command_line.options import dsn_option

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["command", "written_whole"]

_FORMATS = ("csv", "jsonl", "parquet", "focus-1.2", "focus-1.4")
_TABLES = ("cost_records", "performance_records", "task_executions")


@click.command("export")
@dsn_option
@click.option("--format", "form", type=click.Choice(_FORMATS), required=True, help="Form of the file.")
@click.option("--table", type=click.Choice(_TABLES), default="cost_records", show_default=True, help="Which rows.")
@from_option
@to_option
@click.option("--service", help="This service only.")
@click.option("--user", help="This user only.")
@click.option("--execution", help="This task execution only.")
@click.option("--task-type", help="This kind of task only.")
@click.option("--currency", help="ISO 4217 code; this currency only.")
@click.option("--billing-account", default="spanledger", show_default=True, help="Account that FOCUS names as billed.")
@click.option("--output", default="-", show_default=True, metavar="FILE", help="Where to write; - is stdout.")
def command(  # noqa: PLR0913 - click hands every option over as an argument
    *,
    dsn: str,
    form: str,
    table: str,
    start: int,
    end: int,
    billing_account: str,
    output: str,
    **narrowed: str | None,
) -> None:
    """Export records exactly: as CSV, JSON lines, Parquet or FOCUS.

    A file appears when it is whole; whatever fails before leaves nothing behind. Memory does not grow with the number
    of rows.
    """
    require_order(start, end)
    from spanledger_clickhouse.exports import ExportFormat, ExportTable, Selection, count_rows, stream  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.migrations import check_schema  # noqa: PLC0415

    names = {"user": "user_id", "execution": "execution_id"}
    equal = {names.get(name, name): value for name, value in narrowed.items() if value is not None}
    selection = Selection(ExportTable(table), ExportFormat(form), start, end, equal, billing_account)
    if form == "parquet" and output == "-" and sys.stdout.isatty():
        message = "Parquet is no text; name a file with --output"
        raise click.UsageError(message)
    with open_ledger(dsn) as ledger:
        check_schema(ledger)
        total = count_rows(ledger, selection)
        with written_whole(output) as file, _progress(total) as told:
            for piece in stream(ledger, selection, told):
                file.write(piece)
    click.echo(f"{total} rows.", err=True)


@contextmanager
def written_whole(output: str) -> Generator[IO[bytes]]:
    """A file that appears under its name once it is written and closed without an error, or stdout for ``-``.

    Raises:
        ConfigurationError: It cannot be written; nothing is left of it.
    """
    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(output)
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            half = Path(file.name)
            try:
                yield file
                file.flush()
            except BaseException:
                half.unlink(missing_ok=True)
                raise
        half.chmod(0o644)
        half.replace(target)
    except OSError as error:
        message = f"{output} cannot be written: {error.strerror or error}; nothing was left of it."
        raise ConfigurationError(message) from error


@contextmanager
def _progress(total: int) -> Generator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield _untold
        return
    from rich.console import Console  # noqa: PLC0415 - only where there is somebody to see it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn  # noqa: PLC0415

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("export", total=total)
        yield lambda rows: bar.advance(task, rows)


def _untold(rows: int) -> None:
    del rows

"""``spanledger demo``: sample engines against a live ledger, and what they cost."""

from __future__ import annotations

import shutil
import signal
import socket
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from spanledger_api.command_line.output import print_json

if TYPE_CHECKING:
    from collections.abc import Generator

    from spanledger_api.demo.readings import Past, Reading
    from spanledger_api.demo.scenario import Scenario

__all__ = ["command"]

_USUAL_PORT = 8000


@click.command("demo")
@click.option("--once", is_flag=True, help="Stop everything after the reports, also on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables; implies --once.")
@click.option(
    "--api-port", type=click.IntRange(0, 65535), help="Port of the API; 8000 if it is free, else any, where not given."
)
@click.option("--dsn", help="Ledger to write to; a fresh one in a temporary directory where not given.")
@click.option(
    "--history-days", type=click.IntRange(0, 366), default=60, show_default=True, help="Days before today to fill."
)
@click.option("--keep", is_flag=True, help="Keep the temporary directory, and say where it is.")
def command(  # noqa: PLR0913 - click hands every option over as an argument
    *, once: bool, as_json: bool, api_port: int | None, dsn: str | None, history_days: int, keep: bool
) -> None:
    """Run sample engines against a live ledger and print what they cost.

    The engines call services on this machine through the real clients of OpenAI and S3; nothing leaves it. The days
    before are filled with what they would have done. On a terminal the dashboard stays, and the engines go on, until
    Ctrl-C.
    """
    from spanledger_api.demo.scenario import Scenario  # noqa: PLC0415 - after the options are known to be right
    from spanledger_api.demo.screen import print_past, print_reading, progress  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _exit_on_signal)
    stay = sys.stdout.isatty() and not (once or as_json)
    port = api_port if api_port is not None else _usual_or_free_port() if stay else 0
    with (
        _directory(keep=keep) as directory,
        Scenario(dsn or f"chdb://{directory}/ledger", directory, port) as scenario,
    ):
        with progress() as say:
            reading = scenario.run(say)
        if not as_json:
            print_reading(reading)
        past = _fill(scenario, history_days)
        if as_json:
            print_json(_document(scenario, reading, past))
        else:
            print_past(past)
            until = "until Ctrl-C" if stay else "until this command ends; on a terminal, without --once, it stays"
            click.echo(f"Dashboard at {scenario.api}/ and API at {scenario.api}/docs, {until}.")
        if stay:
            scenario.stay()
    if not reading.agree:
        raise click.exceptions.Exit(1)


def _fill(scenario: Scenario, days: int) -> Past | None:
    """Write the days before, with a progress bar on a terminal; None if there shall be none."""
    if not days:
        return None
    with click.progressbar(
        length=days, label="Writing the days before", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        return scenario.fill(days, lambda: bar.update(1))


def _document(scenario: Scenario, reading: Reading, past: Past | None) -> dict[str, object]:
    names = ("users", "services", "trend", "prompts")
    return {
        "api": scenario.api,
        "reports": {**reading.reports, "bottleneck": reading.bottleneck},
        "failed_executions": reading.failed,
        "history": None if past is None else asdict(past),
        "totals": {name: reading.total(name) for name in names},
        "agree": reading.agree,
        "elapsed_seconds": scenario.elapsed,
    }


def _usual_or_free_port() -> int:
    """The API's usual port, or 0 where something listens there."""
    try:
        socket.create_server(("127.0.0.1", _USUAL_PORT)).close()
    except OSError:
        return 0
    return _USUAL_PORT


def _exit_on_signal(number: int, frame: object) -> NoReturn:
    """Leave by the way that ends every process started here."""
    del frame
    sys.exit(128 + number)


@contextmanager
def _directory(*, keep: bool) -> Generator[Path]:
    """A fresh directory, removed afterwards unless it shall be kept."""
    directory = Path(tempfile.mkdtemp(prefix="spanledger-demo-"))
    try:
        yield directory
    finally:
        if keep:
            click.echo(
                f"Kept in {directory}; see it again with: spanledger up --dsn chdb://{directory}/ledger", err=True
            )
        else:
            shutil.rmtree(directory, ignore_errors=True)

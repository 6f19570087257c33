"""``spanledger spool``: what an engine could not deliver, on the machine that it runs on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from spanledger_api.command_line.output import print_json, print_table

if TYPE_CHECKING:
    from spanledger.otlp import Courier
    from spanledger.spool import Spool

__all__ = ["command"]

_ENDPOINT = click.option(
    "--endpoint", metavar="URL", help="The engine's collector; OTEL_EXPORTER_OTLP_ENDPOINT or OTLP's default if absent."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_NAMES = click.argument("names", nargs=-1, metavar="[FILE]...")


@click.group()
def command() -> None:
    """List, send again or discard spans that a collector has not taken.

    Spans that wait for a collector are delivered by themselves, by any engine of the same user. What it refused is kept
    in the spool for you to look at, and sent again only from here. SPANLEDGER_SPOOL_DIR names the spool.
    """


@command.command("list")
@_ENDPOINT
@_JSON
def list_files(endpoint: str | None, *, as_json: bool) -> None:
    """List what waits and what was refused, with the number of spans."""
    from spanledger.resending import held  # noqa: PLC0415 - help is to be quick

    _, spool = _opened(endpoint)
    rows = [{**asdict(file), "since": file.since.isoformat()} for file in held(spool)]
    if as_json:
        print_json({"directory": str(spool.directory), "files": rows})
    elif rows:
        print_table(str(spool.directory), ("name", "state", "since", "spans", "bytes"), rows)
    else:
        click.echo(f"Nothing waits in {spool.directory}.", err=True)


@command.command()
@_NAMES
@_ENDPOINT
@_JSON
def resend(names: tuple[str, ...], endpoint: str | None, *, as_json: bool) -> None:
    """Send files again, all if none is named, and remove those that the collector takes.

    Exits with 1 if one is not taken. A span that arrives twice counts once.
    """
    from spanledger.resending import resend as send_again  # noqa: PLC0415 - help is to be quick

    courier, spool = _opened(endpoint)
    known = [*spool.waiting(), *spool.refused()]
    with closing(courier):
        rows = [asdict(file) for file in send_again(spool, courier, _chosen(names, known))]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(courier.endpoint, ("name", "spans", "outcome", "reason"), rows)
    else:
        click.echo("Nothing was left to send.", err=True)
    if any(row["outcome"] != "delivered" for row in rows):
        click.get_current_context().exit(1)


@command.command()
@_NAMES
@_ENDPOINT
@_JSON
@click.option("--all", "every", is_flag=True, help="Discard every refused file.")
def discard(names: tuple[str, ...], endpoint: str | None, *, every: bool, as_json: bool) -> None:
    """Remove refused files for good; what they cost is then in no report."""
    from spanledger.resending import discard as remove  # noqa: PLC0415 - help is to be quick

    if bool(names) == every:
        message = "Name the files to discard, or pass --all."
        raise click.UsageError(message)
    _, spool = _opened(endpoint)
    lost = remove(spool, _chosen(names, spool.refused()))
    if as_json:
        print_json({"spans": lost})
    else:
        click.echo(f"{lost} spans were discarded.", err=True)


def _opened(endpoint: str | None) -> tuple[Courier, Spool]:
    """The courier to a collector, and the spool of what is meant for it."""
    from spanledger.otlp import courier_for  # noqa: PLC0415 - help is to be quick
    from spanledger.spool import open_spool  # noqa: PLC0415

    courier = courier_for(endpoint)
    spool = open_spool(courier.endpoint)
    if spool is None:
        message = "There is no spool: no directory for it, or SPANLEDGER_SPOOL_MIB is 0."
        raise click.ClickException(message)
    return courier, spool


def _chosen(names: tuple[str, ...], known: list[str]) -> list[str]:
    """The files that are named, or all."""
    if unknown := [name for name in names if name not in known]:
        message = f"no such file in the spool: {', '.join(unknown)}"
        raise click.BadParameter(message, param_hint="FILE")
    return list(names) or known

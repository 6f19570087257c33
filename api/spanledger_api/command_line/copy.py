"""``spanledger copy``: take a ledger elsewhere."""

from __future__ import annotations

import sys

import click

from spanledger.exceptions import ConfigurationError
from spanledger_api.command_line.output import print_json

__all__ = ["command"]


@click.command("copy")
@click.option("--from", "source_dsn", required=True, metavar="DSN", help="The ledger to copy.")
@click.option("--to", "target_dsn", required=True, metavar="DSN", help="An empty ledger of the same schema.")
@click.option("--dry-run", is_flag=True, help="Say what would be copied, and change nothing.")
@click.option("--verify", is_flag=True, help="Only compare the two.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(source_dsn: str, target_dsn: str, *, dry_run: bool, verify: bool, as_json: bool) -> None:
    """Copy a ledger into an empty one, e.g. from the embedded engine to a server, and compare the two.

    Stop whatever writes to the source first; `spanledger migrate` prepares the target. Interrupted, the same command
    goes on where it was. At the end rows and exact sums are compared table by table and month by month.
    """
    from rich.progress import Progress  # noqa: PLC0415 - slow to load

    from spanledger_clickhouse.copying import (  # noqa: PLC0415
        copy_parts,
        differences,
        parts_of,
        prepare_target,
    )
    from spanledger_clickhouse.dsn import parse_dsn  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415

    if parse_dsn(source_dsn).embedded and parse_dsn(target_dsn).embedded:
        message = "A process opens one embedded ledger; copy the directory of a stopped one instead."
        raise ConfigurationError(message)
    with open_ledger(source_dsn) as source, open_ledger(target_dsn) as target:
        parts = parts_of(source)
        if dry_run:
            print_json([{"table": part.table, "partition": part.partition, "rows": part.rows} for part in parts])
            return
        copied = 0
        if not verify:
            prepare_target(source, target)
            with Progress(disable=as_json or not sys.stderr.isatty()) as progress:
                bar = progress.add_task("Copying", total=sum(part.rows for part in parts))
                for part, is_new in copy_parts(source, target):
                    copied += part.rows if is_new else 0
                    progress.advance(bar, part.rows)
        found = differences(source, target)
    if as_json:
        different = [{"table": d.table, "partition": d.partition, "from": d.source, "to": d.target} for d in found]
        print_json({"rows_copied": copied, "differences": different})
    for difference in found:
        line = f"{difference.table} {difference.partition}: {difference.source or 'nothing'}"
        click.echo(f"{line} in the source, {difference.target or 'nothing'} in the target", err=True)
    if found:
        sys.exit(1)
    click.echo(f"{copied} rows copied; both ledgers say the same.", err=True)

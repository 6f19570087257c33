"""``spanledger migrate``: bring the ledger's schema up to date."""

from __future__ import annotations

import click

from spanledger_api.command_line.options import dsn_option, retain_option
from spanledger_api.command_line.output import print_json

__all__ = ["command"]


@click.command("migrate")
@dsn_option
@retain_option
@click.option("--json", "as_json", is_flag=True, help="Print what was applied as JSON.")
def command(dsn: str, retain: str, *, as_json: bool) -> None:
    """Bring the ledger's schema up to date; a current one is left alone."""
    from spanledger_api.access.local_changes import record_schema  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.analyst import ANALYST, admit_analyst  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import migrate  # noqa: PLC0415
    from spanledger_clickhouse.retention import apply_retention, parse_retention  # noqa: PLC0415

    wanted = parse_retention(retain)
    with open_ledger(dsn) as ledger:
        applied = migrate(ledger)
        changed = apply_retention(ledger, wanted)
        record_schema(ledger, applied, changed)
        analyst = admit_analyst(ledger)
    if as_json:
        print_json([{"version": migration.version, "name": migration.name} for migration in applied])
        return
    for migration in applied:
        click.echo(f"{migration.version:04d} {migration.name}")
    for retention in changed:
        click.echo(f"Kept from now on: {retention.text}", err=True)
    if analyst:
        click.echo(f"The user {ANALYST} may read the ledger in SQL.", err=True)
    click.echo("The schema is up to date.", err=True)

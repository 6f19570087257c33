"""``spanledger reprice``: price records of the past again, after a preview, and take it back if need be."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from spanledger.exceptions import InvalidRequestError
from spanledger_api.command_line.instants import INSTANT, require_order
from spanledger_api.command_line.options import dsn_option
from spanledger_api.command_line.output import print_json, print_table
from spanledger_api.command_line.reprice_tables import (
    batch_document,
    preview_document,
    print_batches,
    print_preview,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.repricing import Batch, Preview, Repricer

__all__ = ["command"]

_OWN_DSN = click.option("--dsn", "own_dsn", help="Where the ledger is, as before the subcommand.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("reprice", invoke_without_command=True)
@dsn_option
@click.option("--from", "start", type=INSTANT, help="First instant covered, by when the operation started.")
@click.option("--to", "end", type=INSTANT, help="First instant no longer covered.")
@click.option("--service", help="This service only.")
@click.option("--user", help="This user only.")
@click.option("--undo", metavar="BATCH", help="Take a re-pricing back instead.")
@click.option("--reason", default="", help="Why; it is kept with every adjustment.")
@click.option(
    "--replaced-price", multiple=True, metavar="ID", help="A price row that the book has no more; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Show the preview and stop.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@_JSON
@click.pass_context
def command(  # noqa: PLR0913 - click hands every option over as an argument
    context: click.Context,
    *,
    dsn: str,
    start: int | None,
    end: int | None,
    service: str | None,
    user: str | None,
    undo: str | None,
    reason: str,
    replaced_price: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Price records of the past by today's price book, for the time at which they were made.

    First comes a preview. Then the difference is written as adjustments, each traceable to its record, the price rows,
    the time, the reason and who asked. Amounts that a provider stated are never touched. An embedded ledger must not
    be held by another process meanwhile.
    """
    context.obj = dsn
    if context.invoked_subcommand is not None:
        return
    if (undo is None) == (start is None and end is None) or (start is None) != (end is None):
        message = "state --from and --to, or --undo BATCH"
        raise click.UsageError(message)
    if start is not None and end is not None:
        require_order(start, end)
    if not (dry_run or yes or sys.stdin.isatty()):
        message = "nobody can be asked here; add --yes to write, or --dry-run to look"
        raise click.UsageError(message)
    from spanledger_api.access.local_changes import local_operator, record_batches  # noqa: PLC0415 - slow to load
    from spanledger_clickhouse.repricing import Scope  # noqa: PLC0415

    by = local_operator().name or ""
    with _repricer(dsn, replaced_price) as (ledger, repricer):
        if undo is not None:
            preview = repricer.preview_undo(undo)
            write: Callable[[], Batch] = lambda: repricer.undo(undo, reason=reason, by=by)  # noqa: E731 - two ways
        else:
            scope = Scope(start or 0, end or 0, service, user)
            preview = repricer.preview(scope)
            write = lambda: repricer.reprice(scope, preview, reason=reason, by=by)  # noqa: E731 - of one step
        batch = write() if _agreed(preview, dry_run=dry_run, yes=yes, as_json=as_json) else None
        record_batches(ledger, [] if batch is None else [batch])
    if as_json:
        print_json({"preview": preview_document(preview), "batch": batch and batch_document(batch)})
    elif batch is not None:
        click.echo(f"Batch {batch.batch_id} changed {batch.adjustments} records; --undo takes it back.", err=True)


def _agreed(preview: Preview, *, dry_run: bool, yes: bool, as_json: bool) -> bool:
    """Show the preview and ask whether to go on."""
    if not as_json:
        print_preview(preview, "Would change" if dry_run else "Changes")
    if dry_run:
        return False
    if not preview.changed:
        click.echo("Nothing changes.", err=True)
        return False
    if yes or click.confirm(f"Change {preview.changed} records?", err=True):
        return True
    click.echo("Nothing was changed.", err=True)
    return False


@contextmanager
def _repricer(dsn: str, replaced: tuple[str, ...] = ()) -> Generator[tuple[Ledger, Repricer]]:
    """The ledger and a re-pricing of it, after what an earlier one left unfinished."""
    from spanledger.pricing import Calculator, PriceBook  # noqa: PLC0415 - the engine is slow to load
    from spanledger_api.access.local_changes import record_batches  # noqa: PLC0415
    from spanledger_clickhouse.repricing import Repricer  # noqa: PLC0415

    book = PriceBook.from_environment()
    with _ledger(dsn) as ledger:
        repricer = Repricer(ledger, book, Calculator(book), replaced)
        recovered = repricer.recover()
        record_batches(ledger, recovered)
        for batch in recovered:
            click.echo(f"Batch {batch.batch_id} had been interrupted; it is {batch.state} now.", err=True)
        yield ledger, repricer


@contextmanager
def _ledger(dsn: str) -> Generator[Ledger]:
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.migrations import check_schema  # noqa: PLC0415

    with open_ledger(dsn) as ledger:
        check_schema(ledger)
        yield ledger


@command.command("list")
@_OWN_DSN
@_JSON
@click.pass_obj
def list_batches(dsn: str, own_dsn: str | None, *, as_json: bool) -> None:
    """List the re-pricings of the ledger, the latest first."""
    from spanledger_clickhouse.repricing import read_batches  # noqa: PLC0415 - the engine is slow to load

    with _ledger(own_dsn or dsn) as ledger:
        batches = read_batches(ledger)
    if as_json:
        print_json([batch_document(batch) for batch in batches])
    else:
        print_batches(batches)


@command.command("show")
@click.argument("batch_id", metavar="BATCH")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="How many adjustments at most.")
@_OWN_DSN
@_JSON
@click.pass_obj
def show_batch(dsn: str, own_dsn: str | None, batch_id: str, limit: int, *, as_json: bool) -> None:
    """Show one re-pricing with its adjustments, the largest differences first."""
    from spanledger_clickhouse.repricing import read_adjustments, read_batches  # noqa: PLC0415 - slow to load

    with _ledger(own_dsn or dsn) as ledger:
        batches = read_batches(ledger, batch_id=batch_id)
        if not batches:
            message = f"There is no re-pricing {batch_id!r}; `spanledger reprice list` shows them."
            raise InvalidRequestError(message)
        rows = read_adjustments(ledger, batch_id, limit)
    if as_json:
        print_json({**batch_document(batches[0]), "records": rows})
        return
    print_batches(batches)
    amounts = ("total_cost_before", "total_cost_after", "difference", "currency")
    print_table("Adjustments", ("started_at", "service", "user_id", "operation", *amounts, "price_id_after"), rows)

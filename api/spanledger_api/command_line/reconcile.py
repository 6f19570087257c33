"""``spanledger reconcile``: what a provider billed beside what the ledger computed."""

from __future__ import annotations

from decimal import Decimal, localcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from spanledger_api.command_line.options import dsn_option
from spanledger_api.command_line.output import print_csv, print_json, print_table

if TYPE_CHECKING:
    from spanledger_clickhouse.reconciliation import Columns, Comparison

__all__ = ["command"]

_COLUMNS: Final = ("service", "date", "billed", "computed", "residual", "residual_percent", "records", "unpriced")
_ROLES: Final = ("date", "amount", "service", "currency")


class _Pairs(click.ParamType[dict[str, str]]):
    """``name=value``, separated by commas."""

    name = "name=value,…"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        """Value by name, or a usage error."""
        pairs = [part.partition("=") for part in str(value).split(",")]
        if not all(name.strip() and equals and content.strip() for name, equals, content in pairs):
            self.fail(f"{value!r} is not name=value,name=value", param, ctx)
        return {name.strip(): content.strip() for name, _, content in pairs}


@click.command("reconcile")
@dsn_option
@click.option(
    "--invoice", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The bill, as CSV or FOCUS CSV."
)
@click.option("--columns", type=_Pairs(), help="Its columns: date=…,amount=…,service=…,currency=…; else recognised.")
@click.option("--services", type=_Pairs(), help="The ledger's service by the bill's: 'Amazon S3=s3,…'.")
@click.option("--currency", default="USD", show_default=True, help="ISO 4217 code of every amount in it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def command(  # noqa: PLR0913 - click hands every option over as an argument
    *,
    dsn: str,
    invoice: Path,
    columns: dict[str, str] | None,
    services: dict[str, str] | None,
    currency: str,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Set a provider's bill beside the ledger, by service and day, or month where the bill has months only.

    The residual is what was billed and not computed: calls that were not metered, prices that differ, taxes. Exports of
    OpenAI, AWS (CUR and FOCUS), Google Cloud and Cloudflare are recognised by their columns. Nothing is written.
    """
    if as_json and as_csv:
        message = "--json and --csv exclude each other"
        raise click.UsageError(message)
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.migrations import check_schema  # noqa: PLC0415
    from spanledger_clickhouse.reconciliation import compare, read_invoice  # noqa: PLC0415

    bill = read_invoice(invoice, columns=_columns(columns), currency=currency.upper(), services=services)
    with open_ledger(dsn) as ledger:
        check_schema(ledger)
        rows = [_row(each, monthly=bill.monthly) for each in compare(ledger, bill, currency.upper())]
    if as_json:
        print_json({"format": bill.form, "monthly": bill.monthly, "currency": currency.upper(), "rows": rows})
    elif as_csv:
        print_csv(_COLUMNS, rows)
    else:
        print_table(f"Billed and computed, {currency.upper()}", _COLUMNS, rows)
        _print_total(rows)


def _columns(given: dict[str, str] | None) -> Columns | None:
    from spanledger_clickhouse.reconciliation import Columns  # noqa: PLC0415 - the engine is slow to load

    if given is None:
        return None
    if unknown := [name for name in given if name not in _ROLES]:
        message = f"{unknown[0]} is none of {', '.join(_ROLES)}"
        raise click.BadParameter(message, param_hint="--columns")
    if "date" not in given or "amount" not in given:
        message = "date and amount must be named"
        raise click.BadParameter(message, param_hint="--columns")
    return Columns(**given)


def _row(each: Comparison, *, monthly: bool) -> dict[str, object]:
    return {
        "service": each.service,
        "date": each.since.isoformat()[: len("2026-11") if monthly else None],
        "billed": each.billed,
        "computed": each.computed,
        "residual": each.residual,
        "residual_percent": each.residual_percent,
        "records": each.records,
        "unpriced": each.unpriced,
    }


def _print_total(rows: list[dict[str, object]]) -> None:
    with localcontext(prec=160):
        billed = sum((Decimal(str(row["billed"])) for row in rows), Decimal(0))
        computed = sum((Decimal(str(row["computed"])) for row in rows), Decimal(0))
        click.echo(f"Billed {billed:f}, computed {computed:f}, residual {billed - computed:f}.", err=True)

"""``spanledger report``: print a report of the running API as a table, JSON or CSV."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import click

from spanledger import environment
from spanledger.values import decimal_text
from spanledger_api import headers
from spanledger_api.command_line.api_client import Answer, get
from spanledger_api.command_line.output import print_table
from spanledger_api.command_line.report_paths import ANALYSES, PARAMETER_HELP, REPORTS, ReportCommand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ANALYSES", "REPORTS", "command"]


@click.group(name="report")
@click.option(
    "--api", envvar=environment.API_URL, default="http://127.0.0.1:8000", show_default=True, help="Address of the API."
)
@click.pass_context
def command(context: click.Context, api: str) -> None:
    """Print a report of the running API."""
    context.obj = api.rstrip("/")


_AS_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print the API's JSON as it is.")
_AS_CSV = click.Option(["--csv", "as_csv"], is_flag=True, help="Print CSV.")
_API = click.Option(["--api"], help="Address of the API.")
_CHECK = click.Option(["--check"], is_flag=True, help="Exit with 3 if a budget is exceeded.")
_BROKEN_BUDGET = 3
_BUDGET = ("name", "status", "spent", "amount", "currency", "forecast", "used_share", "runs_out_at", "period_end")


def _option(parameter: str, *, required: bool) -> click.Option:
    kebab = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in parameter)
    names = {f"--{kebab}", f"--{parameter}"}
    return click.Option([f"q_{parameter.lower()}", *sorted(names)], help=PARAMETER_HELP[parameter], required=required)


def _subcommand(name: str, report: ReportCommand) -> click.Command:
    def run(api: str | None, *, as_json: bool, as_csv: bool = False, **given: str | None) -> None:
        if as_json and as_csv:
            message = "--json and --csv exclude each other"
            raise click.UsageError(message)
        query = {each: given[f"q_{each.lower()}"] for each in report.parameters}
        answer = get(_base(api), report.path, {**query, "format": "csv" if as_csv else None})
        if as_json or as_csv:
            click.echo(answer.text, nl=as_json)
            return
        _print_rows(report.title, answer.rows())
        _print_notes(answer)
        if "Link" in answer.headers:
            click.echo("There are more rows: --offset passes over these, --limit shows more at once.", err=True)

    options = [
        *(_option(parameter, required=parameter == report.required) for parameter in report.parameters),
        _API,
        _AS_JSON,
    ]
    return click.Command(
        name, callback=run, params=[*options, *([_AS_CSV] if report.csv else [])], help=f"{report.title}."
    )


def _base(api: str | None) -> str:
    inherited: str = click.get_current_context().obj
    return inherited if api is None else api.rstrip("/")


def _print_rows(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        click.echo(f"{title}: nothing in this time.", err=True)
        return
    print_table(title, [name for name, value in rows[0].items() if not isinstance(value, dict | list)], rows)


def _print_notes(answer: Answer) -> None:
    if as_of := answer.headers.get(headers.DATA_AS_OF):
        click.echo(f"Data as of {as_of}.", err=True)
    for header, words in (
        (headers.UNPRICED_SHARE, "of the records have no price and count as 0"),
        (headers.FALLBACK_SHARE, "of the amount is priced by the fallback model"),
    ):
        share = Decimal(answer.headers.get(header, "0"))
        if share:
            click.echo(f"{decimal_text(round(100 * share, 4))} % {words}.", err=True)


@command.command(name="execution", params=[_API, _AS_JSON])
@click.argument("execution_id")
def _execution(api: str | None, execution_id: str, *, as_json: bool) -> None:
    """One task execution with its cost records and performance records."""
    answer = get(_base(api), f"/api/executions/{quote(execution_id, safe='')}", {})
    if as_json:
        click.echo(answer.text)
        return
    document = answer.document()
    fields = [name for name, value in document.items() if not isinstance(value, list)]
    print_table("Task execution", fields, [document])
    _print_records("Cost records", document["cost_records"], ("started_at", "service", "operation", "total_cost"))
    steps = ("started_at", "step_name", "duration", "status", "error")
    _print_records("Performance records", document["performance_records"], steps)


@command.command(name="budget", params=[_API, _AS_JSON, _CHECK])
def _budget(api: str | None, *, as_json: bool, check: bool) -> None:
    """Every budget and how it stands, the worst first."""
    answer = get(_base(api), "/api/budgets", {})
    rows = answer.rows()
    if as_json:
        click.echo(answer.text)
    elif rows:
        print_table("Budgets", _BUDGET, rows)
    else:
        click.echo("There are no budgets.", err=True)
    exceeded = [str(row["name"]) for row in rows if row["status"] == "exceeded"]
    if check and exceeded:
        click.echo(f"Exceeded: {', '.join(exceeded)}.", err=True)
        click.get_current_context().exit(_BROKEN_BUDGET)


def _print_records(title: str, records: object, columns: tuple[str, ...]) -> None:
    if records:
        print_table(title, columns, cast("list[dict[str, object]]", records))


for _name, _report in {**REPORTS, **ANALYSES}.items():
    command.add_command(_subcommand(_name, _report))

"""``spanledger report``: print a report of the running API as a table, JSON or CSV."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import click

from spanledger import environment
from spanledger_api import headers
from spanledger_api.command_line.api_client import Answer, get
from spanledger_api.command_line.output import decimal_text, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["REPORTS", "ReportCommand", "command"]

_WINDOW = ("period", "from", "to", "timezone")
_FILTERS = ("userId", "taskType", "executionId", "currency")


@dataclass(frozen=True, slots=True)
class ReportCommand:
    """One subcommand.

    Attributes:
        path: Path of the report in the API.
        title: What it shows, for people.
        parameters: Query parameters of the API that it takes as options, besides the form.
        csv: Whether the report exists as CSV.
        required: The one of the parameters that the API asks for; None if it has a default for each.
    """

    path: str
    title: str
    parameters: tuple[str, ...]
    csv: bool = True
    required: str | None = None


REPORTS = {
    "users": ReportCommand("/api/analytics/cost/users", "Cost of each user", (*_WINDOW, "topN", "service", *_FILTERS)),
    "services": ReportCommand("/api/analytics/cost/services", "Cost of each service", (*_WINDOW, "service", *_FILTERS)),
    "trend": ReportCommand("/api/analytics/cost/trend", "Cost over time", (*_WINDOW, "days", "service", *_FILTERS)),
    "prompts": ReportCommand("/api/analytics/cost/prompts", "Cost of each prompt", (*_WINDOW, *_FILTERS)),
    "bottleneck": ReportCommand(
        "/api/analytics/performance/bottleneck",
        "Slow steps of a task",
        (*_WINDOW, "taskType", "userId", "executionId"),
        required="taskType",
    ),
    "recommendations": ReportCommand(
        "/api/analytics/recommendations", "Advice on reducing cost", (*_WINDOW, "currency"), csv=False
    ),
}
"""Every report by the name of its subcommand; parameters that are missing or malformed are the API's to refuse."""

_HELP = {
    "period": "daily, weekly, monthly or yearly.",
    "from": "First instant covered, RFC 3339.",
    "to": "First instant no longer covered, RFC 3339.",
    "timezone": "IANA time zone of the calendar.",
    "topN": "How many rows at most.",
    "days": "How many calendar days, today included.",
    "userId": "This user only.",
    "service": "This service only.",
    "taskType": "This kind of task only.",
    "executionId": "This task execution only.",
    "currency": "ISO 4217 code of the amounts.",
}


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


def _option(parameter: str, *, required: bool) -> click.Option:
    kebab = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in parameter)
    names = {f"--{kebab}", f"--{parameter}"}
    return click.Option([f"q_{parameter.lower()}", *sorted(names)], help=_HELP[parameter], required=required)


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
    print_table(title, [column for column in rows[0] if column != "data"], rows)


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


def _print_records(title: str, records: object, columns: tuple[str, ...]) -> None:
    if records:
        print_table(title, columns, cast("list[dict[str, object]]", records))


for _name, _report in REPORTS.items():
    command.add_command(_subcommand(_name, _report))

"""``spanledger query``: run one SQL statement that reads, and print what it finds."""

from __future__ import annotations

import json
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

import click

from spanledger.exceptions import InvalidRequestError, LedgerUnavailableError
from spanledger_api.command_line.export import written_whole
from spanledger_api.command_line.options import dsn_option
from spanledger_api.command_line.output import print_table
from spanledger_api.command_line.query_sources import ask_ledger, ask_port

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

__all__ = ["command"]

_ENGINE_FORMATS: Final = {
    "table": "JSONCompact",
    "json": "JSONEachRow",
    "csv": "CSVWithNames",
    "tsv": "TSVWithNames",
    "jsonl": "JSONEachRow",
    "parquet": "Parquet",
}


class _Parameter(click.ParamType[tuple[str, str]]):
    """``name=value``."""

    name = "name=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Name and value, or a usage error."""
        name, equals, content = str(value).partition("=")
        if not equals or not name.isidentifier():
            self.fail(f"{value!r} is not name=value", param, ctx)
        return name, content


@click.command("query")
@click.argument("sql")
@dsn_option
@click.option("--url", help="Ask the ClickHouse port at this address instead, e.g. http://127.0.0.1:8123.")
@click.option("--param", "parameters", type=_Parameter(), multiple=True, help="Value of a {name:Type} place.")
@click.option("--format", "form", type=click.Choice(list(_ENGINE_FORMATS)), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--csv", "as_csv", is_flag=True, help="Short for --format csv.")
@click.option("--output", default="-", show_default=True, metavar="FILE", help="Where to write; - is stdout.")
def command(  # noqa: PLR0913 - click hands every option over as an argument
    *,
    sql: str,
    dsn: str,
    url: str | None,
    parameters: tuple[tuple[str, str], ...],
    form: str,
    as_json: bool,
    as_csv: bool,
    output: str,
) -> None:
    """Run one SQL statement that reads.

    cost_records, performance_records and task_executions hold exact rows without repeats. Nothing but reading gets
    through, inside limits of time and memory. While another process holds an embedded ledger, ask its ClickHouse port
    with --url.
    """
    if as_json and as_csv:
        message = "--json and --csv exclude each other"
        raise click.UsageError(message)
    form = "json" if as_json else "csv" if as_csv else form
    if form == "table" and output != "-":
        message = "a table is for a screen; name a --format for the file"
        raise click.UsageError(message)
    with _answer(sql, dsn, url, _ENGINE_FORMATS[form], dict(parameters)) as pieces:
        if form == "table":
            _print_table(b"".join(pieces))
            return
        with written_whole(output) as file:
            for piece in _json_array(pieces) if form == "json" else pieces:
                file.write(piece)


@contextmanager
def _answer(sql: str, dsn: str, url: str | None, form: str, parameters: dict[str, str]) -> Generator[Iterator[bytes]]:
    if url is not None:
        with ask_port(url, sql, form, parameters) as pieces:
            yield pieces
        return
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415 - the engine is slow to load

    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import check_schema  # noqa: PLC0415

    try:
        ledger = open_ledger(dsn)
    except LedgerUnavailableError as error:
        message = f"{error} `spanledger up --clickhouse-port 8123` answers --url http://127.0.0.1:8123."
        raise LedgerUnavailableError(message) from error
    with ledger:
        check_schema(ledger)
        try:
            with ask_ledger(ledger, sql, form, parameters) as pieces:
                yield pieces
        except ClickHouseError as error:
            raise InvalidRequestError(str(error)) from error


def _print_table(document: bytes) -> None:
    """Print an answer in the engine's compact JSON; numbers keep every digit."""
    answer = cast("dict[str, object]", json.loads(document, parse_float=Decimal))
    names = [str(column["name"]) for column in cast("list[dict[str, object]]", answer["meta"])]
    rows = cast("list[list[object]]", answer["data"])
    print_table("", names, [dict(zip(names, row, strict=True)) for row in rows])
    click.echo(f"{len(rows)} rows.", err=True)


def _json_array(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """One JSON list of the lines, while they come."""
    before, unfinished = b"[", b""
    for piece in pieces:
        *lines, unfinished = (unfinished + piece).split(b"\n")
        if lines:
            yield before + b",\n".join(lines)
            before = b",\n"
    yield b"[]\n" if before == b"[" else b"]\n"

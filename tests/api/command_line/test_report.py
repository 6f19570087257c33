"""``spanledger report`` against an API that really serves."""

from __future__ import annotations

import json
import socket
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from spanledger import environment
from spanledger.exceptions import ConfigurationError, InvalidRequestError, LedgerUnavailableError
from spanledger_api.command_line.report import ANALYSES, REPORTS, command
from spanledger_api.http_server import HttpServer
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from spanledger_clickhouse.ledger import Ledger

ALL = {**REPORTS, **ANALYSES}


@pytest.fixture
def api(app: FastAPI, ledger: Ledger) -> Iterator[str]:
    """Address of the app served on a free port, over a ledger with one execution in it."""
    span = partial(Span, execution="e 1", user="u", task="t")
    store(
        ledger,
        [
            span(execution_status="completed"),
            span(service="openai", operation="gpt-4_a_b", cost=Decimal("0.06")),
            span(service="openai", operation="gpt-4_a_b", source="unpriced"),
            span(step="render"),
        ],
    )
    with HttpServer(app, "127.0.0.1", 0) as server:
        yield server.url


def _report(*arguments: str, locale: str | None = None) -> Result:
    return CliRunner(env={environment.LOCALE: locale}).invoke(command, arguments)


def test_prints_what_the_api_answers(api: str) -> None:
    """JSON and CSV are the API's own, every digit kept; a table has the same rows and notes go to stderr."""
    as_json = _report("--api", api, "users", "--json")
    assert json.loads(as_json.stdout, parse_float=Decimal) == [
        {"user_id": "u", "total_cost": Decimal("0.06"), "operations_count": 2}
    ]
    assert _report("users", "--api", api, "--csv").stdout == "user_id,total_cost,operations_count\nu,0.06,2\n"

    table = _report("--api", api, "users")
    assert table.exit_code == 0
    assert "0.06" in table.stdout
    assert "50 % of the records have no price" in table.stderr
    assert "Data as of" not in table.stdout


def test_every_report_can_be_printed(api: str) -> None:
    """Each subcommand shows its table; the address may come from the environment."""
    runner = CliRunner(env={environment.API_URL: api})
    shown = {
        name: runner.invoke(command, [name, *(["--task-type", "t"] if name == "bottleneck" else [])]) for name in ALL
    }

    assert {name: result.exit_code for name, result in shown.items()} == dict.fromkeys(ALL, 0)
    assert "render" in shown["bottleneck"].stdout
    assert "2026-03-14" in shown["trend"].stdout
    assert "prompt_optimization" in shown["recommendations"].stdout
    assert "e 1" in shown["executions"].stdout
    assert "run_rate" in shown["forecast"].stdout or "no_history" in shown["forecast"].stdout


def test_a_page_says_that_there_are_more(api: str) -> None:
    """What does not fit is pointed at on stderr, and CSV of the page has its rows only."""
    shown = _report("--api", api, "breakdown", "--group-by", "source", "--limit", "1")

    assert "There are more rows" in shown.stderr
    page = _report("--api", api, "breakdown", "--group-by", "source", "--limit", "1", "--csv").stdout
    assert page.splitlines() == [
        "source,total_cost,share,operations_count,unpriced_count",
        "price_book,0.06,1,1,0",
    ]


def test_an_execution_is_printed_with_its_records(api: str) -> None:
    """Its id may hold any character; JSON is the API's own."""
    table = _report("--api", api, "execution", "e 1")
    assert "completed" in table.stdout
    assert "gpt-4_a_b" in table.stdout
    assert "render" in table.stdout

    document = json.loads(_report("--api", api, "execution", "e 1", "--json").stdout)
    assert document["execution_id"] == "e 1"


def test_parameters_reach_the_api_under_either_spelling(api: str) -> None:
    """`--user-id` and `--userId` are the same; what selects nothing says so on stderr."""
    for option in ("--user-id", "--userId"):
        result = _report("--api", api, "services", option, "nobody")
        assert result.stdout == ""
        assert "nothing in this time" in result.stderr
    assert "建議" in _report("--api", api, "recommendations", locale="zh-TW").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("users", "--timezone", "Nowhere"), "timezone: not an IANA"),
        (("execution", "absent"), "'absent'"),
    ],
)
def test_what_the_api_refuses_is_passed_on(api: str, arguments: tuple[str, ...], words: str) -> None:
    """The problem's detail is the message, so that it names the parameter."""
    result = _report("--api", api, *arguments)

    assert isinstance(result.exception, InvalidRequestError)
    assert words in str(result.exception)


def test_nothing_there_says_the_next_step() -> None:
    """An address that nobody answers at, or that is none, is an error that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    silent = _report("--api", f"http://127.0.0.1:{port}", "users")
    assert isinstance(silent.exception, LedgerUnavailableError)
    assert "is `spanledger up` running?" in str(silent.exception)
    assert isinstance(_report("--api", "file:///etc/passwd", "users").exception, ConfigurationError)


@pytest.mark.parametrize(
    "arguments", [("bottleneck",), ("users", "--bogus"), ("users", "--json", "--csv"), ("recommendations", "--csv")]
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    """What the command line itself can see is wrong never reaches the API."""
    assert _report(*arguments).exit_code == 2


def test_options_are_the_parameters_of_the_api(app: FastAPI) -> None:
    """Each report takes exactly what its path takes, besides the form and the language."""
    paths = app.openapi()["paths"]

    for report in ALL.values():
        parameters = {each["name"]: each for each in paths[report.path]["get"]["parameters"]}
        assert ("format" in parameters) is report.csv
        assert set(report.parameters) == set(parameters) - {"format", "accept-language"}
        required = [name for name, each in parameters.items() if each["required"]]
        assert required == ([report.required] if report.required else [])

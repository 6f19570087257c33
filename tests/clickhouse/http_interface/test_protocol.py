"""The protocol itself: statements, headers, errors, names and settings."""

from __future__ import annotations

import json

import httpx
import pytest

from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.dsn import parse_dsn
from spanledger_clickhouse.http_interface.engine import Engine


@pytest.mark.parametrize("path", ["/", "/ping", "/replicas_status"])
def test_it_says_that_it_is_there(http: httpx.Client, path: str) -> None:
    """The paths that balancers and drivers probe answer Ok."""
    assert http.get(path).text == "Ok.\n"


def test_a_query_in_the_url_the_body_or_both(http: httpx.Client) -> None:
    """A statement may come either way; one begun in the URL goes on in the body."""
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert http.post("/", content=b"SELECT 2").text == "2\n"
    assert http.post("/", params={"query": "SELECT"}, content=b"3").text == "3\n"


def test_headers_of_an_answer(http: httpx.Client) -> None:
    """An answer says what ran, in which format, and what it took."""
    answer = http.post(
        "/", params={"query_id": "mine", "default_format": "JSONCompact", "session_id": "s"}, content="SELECT 1"
    )
    assert answer.json()["data"] == [[1]]
    headers = answer.headers
    assert headers["x-clickhouse-query-id"] == "mine"
    assert headers["x-clickhouse-format"] == "JSONCompact"
    assert headers["x-clickhouse-timezone"] == "UTC"
    assert headers["x-clickhouse-server-display-name"] == "spanledger"
    assert headers["content-type"] == "application/json; charset=UTF-8"
    assert json.loads(headers["x-clickhouse-summary"])["result_rows"] == "1"
    assert http.post("/", headers={"x-clickhouse-format": "CSV"}, content="SELECT 'a'").text == '"a"\n'


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELECT", "62", 400),
        ("SELECT missing", "47", 404),
        ("SELECT * FROM missing", "60", 404),
        ("SELECT toUInt8('x')", "6", 400),
        ("SELECT throwIf(1)", "395", 500),
        ("DROP TABLE otel_traces", "164", 403),
        ("SELECT " + "1+" * 200_000 + "1", "229", 413),
        ("SELECT " + "-(" * 5000 + "1" + ")" * 5000, "167", 400),
        ("SELECT range(1000000000)", "69", 500),
        ("SELECT groupArray(number) FROM numbers(1000000000)", "241", 503),
    ],
)
def test_errors(http: httpx.Client, sql: str, code: str, status: int) -> None:
    """The code is in a header, the message in the body, the status is ClickHouse's."""
    answer = http.post("/", content=sql)
    assert (answer.headers["x-clickhouse-exception-code"], answer.status_code) == (code, status), answer.text
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_a_statement_does_not_run_for_ever(http: httpx.Client) -> None:
    """A client may ask for less time than the limit, and gets no more."""
    answer = http.post("/", params={"max_execution_time": "0.5"}, content="SELECT count() FROM system.numbers")
    assert answer.status_code in {400, 408, 500}, answer.text
    assert answer.headers["x-clickhouse-exception-code"] in {"158", "159"}


def test_databases(http: httpx.Client) -> None:
    """The ledger is what ``default`` means; others are refused."""
    count = {"query": "SELECT count() FROM cost_records"}
    assert http.get("/", params={**count, "database": "default"}).text == "0\n"
    assert http.get("/", params={**count, "database": "spanledger"}).text == "0\n"
    assert http.get("/", params={"query": "SELECT count() FROM one", "database": "system"}).text == "1\n"
    assert http.get("/", params={"query": "SELECT count() FROM processes", "database": "system"}).status_code == 404
    assert (
        http.get("/", params={"query": "SELECT 1", "database": "elsewhere"}).headers["x-clickhouse-exception-code"]
        == "81"
    )


def test_requests_do_not_see_each_other(http: httpx.Client) -> None:
    """A setting of one request is gone with it."""
    asked = "SELECT value FROM system.settings WHERE name = 'join_use_nulls'"
    assert http.post("/", params={"join_use_nulls": "1"}, content=asked).text == "1\n"
    assert http.post("/", content=asked).text == "0\n"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"param_t": "system.processes"}, "{t:Identifier}"),
        ({"param_t": "/etc/passwd"}, "{t:Identifier}"),
        ({"param_d": "system", "param_t": "processes"}, "{d:Identifier}.{t:Identifier}"),
        ({"param_t": "processes"}, "system.{t:Identifier}"),
        ({"param_d": "system"}, "{d:Identifier}.processes"),
        ({"param_t": "cost_records_local"}, "system.one WHERE 1 IN {t:Identifier}"),
        ({"param_t": "processes", "database": "system"}, "system.one WHERE in(1, {t:Identifier})"),
    ],
)
def test_names_in_parameters_are_screened(http: httpx.Client, given: dict[str, str], name: str) -> None:
    """A table that a parameter names is held to the same list."""
    answer = http.post("/", params=given, content=f"SELECT * FROM {name}")  # noqa: S608 - the point of it
    assert answer.headers["x-clickhouse-exception-code"] in {"36", "60"}, answer.text


@pytest.mark.parametrize("name", ["readonly", "async_insert", "log_comment", "use_query_cache"])
def test_what_drivers_send_unasked_is_ignored(http: httpx.Client, name: str) -> None:
    """Settings that mean nothing here do no harm."""
    assert http.post("/", params={name: "0"}, content="SELECT 1").text == "1\n"
    assert http.post("/", params={name: "0"}, content="CREATE TABLE x (a Int8) ENGINE = Memory").status_code == 403


@pytest.mark.parametrize(
    "name", ["additional_result_filter", "dialect", "format_schema", "limit", "select", "max_server_memory_usage", "x"]
)
def test_other_settings_are_refused(http: httpx.Client, name: str) -> None:
    """A setting that is not on the list is refused by name."""
    answer = http.post("/", params={name: "1"}, content="SELECT 1")
    assert answer.status_code == 403
    assert name in answer.text


def test_a_server_has_its_own() -> None:
    """A ledger on a server is not served a second time."""

    class OnServer:
        dsn = parse_dsn("clickhouse://localhost/spanledger")

    with pytest.raises(ConfigurationError, match="leave --clickhouse-port out"):
        Engine(OnServer())  # type: ignore[arg-type]  # only its address is looked at


def test_an_answer_that_breaks_off_is_no_answer(http: httpx.Client) -> None:
    """An error after the first rows ends the connection, so that no client takes the part for the whole."""
    sql = "SELECT number, throwIf(number = 900000) FROM numbers(1000000)"
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/", params={"max_block_size": "10000"}, content=sql)


@pytest.mark.parametrize(
    ("literal", "written"),
    [
        (r"'it''s \\ \t é \' $x$'", "it's \\ \t é ' $x$"),
        ("18446744073709551615", "18446744073709551615"),
        ("0.1", "0.1"),
        ("-1e-7", "-1e-7"),
        ("9007199254740993", "9007199254740993"),
        ("1.000000000000000001::Decimal(38, 18)", "1.000000000000000001"),
        ("[1, NULL, -3]", "[1,NULL,-3]"),
        ("(1, 'x', [])", "(1,'x',[])"),
        ("DATE '2026-01-02' + INTERVAL 1 DAY", "2026-01-03"),
        ("nan", "nan"),
        ("$$a'b$$", "a'b"),
    ],
)
def test_what_runs_is_what_was_written(http: httpx.Client, literal: str, written: str) -> None:
    """A statement is written anew from its syntax tree, and every value survives that."""
    assert http.post("/", content=f"SELECT {literal} FORMAT TSVRaw").text == f"{written}\n"


@pytest.mark.parametrize(
    "sql",
    [
        " " * 60_000 + "x",
        "/* */" * 12_000 + "x",
        "INSERT INTO otel_traces (" + "a," * 30_000,
        "INSERT INTO otel_traces" + " " * 60_000 + "!",
        "DESC cost_records" + " " * 200_000 + "x x",
        "SELECT " + "$a$" * 60_000,
        "SELECT 1 " + "/*" * 100_000,
        "SELECT " + "(" * 50_000,
        "DESC (" * 20_000,
        r"SELECT '\xff'",
    ],
)
def test_long_nonsense_is_refused_soon(http: httpx.Client, sql: str) -> None:
    """No text keeps the screen busy for long."""
    assert http.post("/", content=sql, timeout=10).status_code in {400, 403, 404, 500}

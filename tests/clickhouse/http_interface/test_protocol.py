"""The protocol itself, as curl and drivers without much of a library speak it."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger.exceptions import ConfigurationError
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.dsn import parse_dsn
from spanledger_clickhouse.http_interface import ClickHouseInterface, Credentials, Role
from spanledger_clickhouse.http_interface.block_frames import FrameReader, write_frames
from spanledger_clickhouse.http_interface.content_coding import compressor
from spanledger_clickhouse.http_interface.engine import Engine
from tests.clickhouse.http_interface.spans import totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger

_LINE = b'{"Timestamp":"2026-01-01 00:00:00","TraceId":"%032x","SpanId":"%016x","SpanAttributes":{"cost.service":"x","cost.total_cost":"0.25"}}\n'
_INSERT = "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes) FORMAT JSONEachRow"


def _lines(count: int) -> bytes:
    return b"".join(_LINE % (number, number + 1) for number in range(count))


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
    [({"param_t": "system.processes"}, "{t:Identifier}"), ({"param_t": "/etc/passwd"}, "{t:Identifier}")]
    + [({"param_d": "system", "param_t": "processes"}, "{d:Identifier}.{t:Identifier}")]
    + [({"param_t": "processes"}, "system.{t:Identifier}"), ({"param_d": "system"}, "{d:Identifier}.processes")],
)
def test_names_in_parameters_are_screened(http: httpx.Client, given: dict[str, str], name: str) -> None:
    """A table that a parameter names is held to the same list."""
    answer = http.post("/", params=given, content=f"SELECT * FROM {name}")
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


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "lz4"])
def test_a_compressed_body(http: httpx.Client, ledger: Ledger, coding: str) -> None:
    """Each coding is undone, every frame of it: clients send one for each of their blocks."""
    frames = bytearray()
    for part in (_INSERT.encode() + b"\n", _lines(20)[:1000], _lines(20)[1000:]):
        chosen = compressor(coding)
        assert chosen is not None
        frames += chosen[1].compress(part) + chosen[1].flush()
    answer = http.post("/", headers={"content-encoding": coding}, content=bytes(frames))
    assert answer.status_code == 200, answer.text
    assert totals(ledger) == (20, Decimal(5))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_answer(http: httpx.Client, coding: str) -> None:
    """Answers are compressed if the client asks twice, by header and by setting."""
    asked = {"query": "SELECT number FROM numbers(100000)", "enable_http_compression": "1"}
    answer = http.get("/", params=asked, headers={"accept-encoding": coding})
    assert answer.headers["content-encoding"] == coding
    assert answer.text.count("\n") == 100_000
    assert "content-encoding" not in http.get("/", params={"query": "SELECT 1"}).headers


def test_frames_of_its_own(http: httpx.Client, ledger: Ledger) -> None:
    """``compress`` and ``decompress`` are ClickHouse's own framing, of errors too."""
    framed = b"".join(write_frames(part) for part in (_lines(30)[:2000], _lines(30)[2000:]))
    given = {"query": _INSERT, "decompress": "1", "compress": "1"}
    assert http.post("/", params=given, content=framed).status_code == 200
    assert totals(ledger) == (30, Decimal("7.5"))
    assert _unframed(http.post("/", params={"compress": "1"}, content="SELECT 42").content) == b"42\n"
    refused = http.post("/", params={"compress": "1"}, content="SELECT missing")
    assert refused.status_code == 404
    assert b"UNKNOWN_IDENTIFIER" in _unframed(refused.content)


def _unframed(data: bytes) -> bytes:
    reader = FrameReader()
    pieces = b"".join(reader.feed(data))
    reader.finish()
    return pieces


@pytest.mark.parametrize(
    ("change", "code"),
    [(lambda data: data[:-1], "271"), (lambda data: data[:40] + b"\xff" + data[41:], "40")]
    + [(lambda data: b"\xff" * 16 + b"\x82" + b"\xff" * 8, "131")],
)
def test_damaged_frames_are_refused(http: httpx.Client, ledger: Ledger, change: object, code: str) -> None:
    """A frame that is cut, altered or absurdly large is refused, and nothing is inserted."""
    assert callable(change)
    given = {"query": _INSERT, "decompress": "1"}
    answer = http.post("/", params=given, content=change(write_frames(_lines(3))))
    assert answer.headers["x-clickhouse-exception-code"] == code
    assert totals(ledger)[0] == 0


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", gzip.compress(b"SELECT 1")[:-4]), ("zstd", b"SELECT 1"), ("lz4", b"SELECT 1")]
    + [("deflate", zlib.compress(b"SELECT 1")[:-1])],
)
def test_damaged_bodies_are_refused(http: httpx.Client, coding: str, body: bytes) -> None:
    """A body that is not what it says, or is cut, is refused."""
    answer = http.post("/", headers={"content-encoding": coding}, content=body)
    assert answer.headers["x-clickhouse-exception-code"] == "271"


def test_an_unknown_coding_is_refused(http: httpx.Client) -> None:
    """A coding that is not known is named."""
    answer = http.post("/", headers={"content-encoding": "br"}, content=b"x")
    assert answer.headers["x-clickhouse-exception-code"] == "89"


@pytest.mark.parametrize(
    ("statement", "data"),
    [
        ("INSERT INTO otel_traces FORMAT CSV", b""),
        ("INSERT INTO otel_traces (SpanName) FORMAT JSONEachRow", b'{"SpanName":'),
        ("INSERT INTO otel_traces (nothing) FORMAT CSV", b"1\n"),
        ("INSERT INTO otel_traces (Duration) FORMAT TSV", b"x\n"),
    ],
)
def test_bad_inserts_insert_nothing(http: httpx.Client, ledger: Ledger, statement: str, data: bytes) -> None:
    """An insert without data, with half of it, or with what does not fit is an error."""
    answer = http.post("/", params={"query": statement}, content=data)
    assert answer.status_code >= 400, answer.text
    assert ledger.query("SELECT count() AS spans FROM otel_traces") == [{"spans": 0}]


def test_inserts_come_by_post(http: httpx.Client) -> None:
    """GET never writes, so that a link cannot."""
    assert http.get("/", params={"query": _INSERT}).status_code == 403


@pytest.mark.parametrize(
    "head",
    ["INSERT INTO spanledger.otel_traces", 'insert into "spanledger"."otel_traces"', "INSERT INTO TABLE `otel_traces`"]
    + ["/* who */ INSERT INTO otel_traces", "-- who\nINSERT INTO\n  otel_traces"],
)
def test_ways_to_write_an_insert(http: httpx.Client, ledger: Ledger, head: str) -> None:
    """The table may be qualified and quoted, columns and settings may be given; the data follows in the body."""
    columns = (
        '(Timestamp, `TraceId`, "SpanId", SpanAttributes, Events.Name) SETTINGS async_insert=1, wait_for_async_insert=0'
    )
    body = f"{head} {columns} FORMAT JSONEachRow\n".encode() + _lines(2)
    assert http.post("/", content=body).status_code == 200
    assert totals(ledger) == (2, Decimal("0.5"))


def test_an_insert_streams(http: httpx.Client, ledger: Ledger) -> None:
    """A body of unknown length is taken as it comes, cut anywhere."""
    data = _lines(5000)

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(data), 7919):
            yield data[start : start + 7919]

    answer = http.post("/", params={"query": _INSERT}, content=chunks())
    assert int(json.loads(answer.headers["x-clickhouse-summary"])["written_rows"]) >= 10_000
    assert totals(ledger) == (5000, Decimal(1250))


def test_many_at_once(interface: HttpServer, ledger: Ledger) -> None:
    """Readers and writers work side by side, and every insert is whole."""
    assert ledger.dsn.embedded

    def one(number: int) -> int:
        if number % 2:
            return httpx.get(
                interface.url, params={"query": "SELECT sum(number) FROM numbers(1000000)"}, timeout=60
            ).status_code
        line = _LINE % (number, number + 1)
        return httpx.post(interface.url, params={"query": _INSERT}, content=line, timeout=60).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(40))) == {200}
    assert totals(ledger) == (20, Decimal(5))


class _Keys:
    """Two users, one for each role."""

    def roles(self, credentials: Credentials) -> frozenset[Role]:
        """One role for each key."""
        known = {("analyst", "r"): Role.READ, ("collector", "w"): Role.INGEST}
        role = known.get((credentials.user, credentials.key))
        return frozenset({role} if role else ())


@pytest.fixture(scope="module")
def keyed(migrated_ledger: Ledger) -> Iterator[str]:
    """An interface that asks for keys."""
    with HttpServer(ClickHouseInterface(migrated_ledger, _Keys()), "127.0.0.1", 0) as server:
        yield server.url


def test_keys_by_every_way(keyed: str) -> None:
    """User and key come by basic authentication, by headers, or in the URL."""
    asked = {"query": "SELECT 1"}
    assert httpx.get(keyed, params=asked, auth=("analyst", "r")).text == "1\n"
    headers = {"x-clickhouse-user": "analyst", "x-clickhouse-key": "r"}
    assert httpx.get(keyed, params=asked, headers=headers).text == "1\n"
    assert httpx.get(keyed, params={**asked, "user": "analyst", "password": "r"}).text == "1\n"
    for wrong in (None, ("analyst", "x"), ("default", "")):
        answer = httpx.get(keyed, params=asked, auth=wrong)
        assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "516")


def test_roles(keyed: str) -> None:
    """A reader cannot insert and a collector cannot read."""
    written = httpx.post(keyed, params={"query": _INSERT}, content=_lines(1), auth=("analyst", "r"))
    read = httpx.post(keyed, content="SELECT 1", auth=("collector", "w"))
    assert written.headers["x-clickhouse-exception-code"] == read.headers["x-clickhouse-exception-code"] == "497"


@pytest.mark.parametrize(
    "header", [{"origin": "http://a.example"}, {"sec-fetch-site": "cross-site"}, {"host": "a.example"}]
)
def test_pages_of_others_get_nothing(http: httpx.Client, header: dict[str, str]) -> None:
    """Without keys a browser's request for another page is refused, and so is a foreign host name."""
    assert http.post("/", content="SELECT 1", headers=header).status_code == 403


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(interface: HttpServer, ledger: Ledger) -> None:
    """What the guide shows for curl works."""
    curl = ["curl", "--silent", "--show-error", "--fail-with-body"]
    subprocess.run(
        [*curl, f"{interface.url}/?query={_INSERT.replace(' ', '%20')}", "--data-binary", _lines(4)], check=True
    )
    assert totals(ledger) == (4, Decimal(1))
    asked = ["--data-binary", "SELECT sum(total_cost) FROM cost_records WHERE service = {s:String} FORMAT CSV"]
    answer = subprocess.run([*curl, f"{interface.url}/?param_s=x", *asked], check=True, capture_output=True)
    assert answer.stdout == b"1\n"


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

"""Data on its way in and out: inserts, and every compression on the way."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger_clickhouse.http_interface.block_frames import FrameReader, write_frames
from spanledger_clickhouse.http_interface.content_coding import compressor
from tests.clickhouse.http_interface.spans import totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_api.http_server import HttpServer
    from spanledger_clickhouse.ledger import Ledger

_LINE = (
    b'{"Timestamp":"2026-01-01 00:00:00","TraceId":"%032x","SpanId":"%016x",'
    b'"SpanAttributes":{"cost.service":"x","cost.total_cost":"0.25"}}\n'
)
_INSERT = "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes) FORMAT JSONEachRow"


def _lines(count: int) -> bytes:
    return b"".join(_LINE % (number, number + 1) for number in range(count))


_FRAMED = write_frames(_lines(3))


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
    ("damaged", "code"),
    [
        (_FRAMED[:-1], "271"),
        (_FRAMED[:40] + b"\xff" + _FRAMED[41:], "40"),
        (b"\xff" * 16 + b"\x82" + b"\xff" * 8, "131"),
    ],
)
def test_damaged_frames_are_refused(http: httpx.Client, ledger: Ledger, damaged: bytes, code: str) -> None:
    """A frame that is cut, altered or absurdly large is refused, and nothing is inserted."""
    answer = http.post("/", params={"query": _INSERT, "decompress": "1"}, content=damaged)
    assert answer.headers["x-clickhouse-exception-code"] == code
    assert totals(ledger)[0] == 0


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"SELECT 1", mtime=0)[:-4]),
        ("deflate", zlib.compress(b"SELECT 1")[:-1]),
        ("zstd", b"SELECT 1"),
        ("lz4", b"SELECT 1"),
    ],
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
    [
        "INSERT INTO spanledger.otel_traces",
        'insert into "spanledger"."otel_traces"',
        "INSERT INTO TABLE `otel_traces`",
        "/* who */ INSERT INTO otel_traces",
        "-- who\nINSERT INTO\n  otel_traces",
    ],
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


def test_whoever_is_answered_has_been_told(http: httpx.Client, ledger: Ledger) -> None:
    """After an insert, and after a query, no report is answered as of a moment before it."""
    began = time.monotonic()
    assert http.post("/", params={"query": _INSERT}, content=_lines(1)).status_code == 200
    inserted = ledger.told_at
    assert http.get("/", params={"query": "SELECT count() FROM cost_records"}).text == "1\n"

    assert began < inserted < ledger.told_at


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

"""ClickHouse's own Python client works unchanged over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from tests.clickhouse.http_interface.spans import COLUMNS, paid_rows, totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from spanledger_api.http_server import HttpServer
    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture(params=["none", "lz4", "zstd", "gzip"])
def client(request: pytest.FixtureRequest, interface: HttpServer, ledger: Ledger) -> Iterator[Client]:
    """A client, with each kind of compression."""
    assert ledger.dsn.embedded
    compress = False if request.param == "none" else request.param
    connected = clickhouse_connect.get_client(host="127.0.0.1", port=interface.port, compress=compress)
    yield connected
    connected.close()


def test_values_come_back(client: Client) -> None:
    """Parameters of each kind, quotes and line breaks included, are bound by the engine and read back the same."""
    given = {
        "text": "it's \\ a\ttab\nand 影片",
        "texts": ["a'b", "c\\d", ""],
        "number": 7,
        "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "table": "cost_records",
    }
    sql = (
        "SELECT {text:String}, {texts:Array(String)}, {number:UInt8}, {time:DateTime}, count() FROM {table:Identifier}"
    )
    [row] = client.query(sql, parameters=given, tz_mode="aware").result_rows
    assert row == (given["text"], given["texts"], 7, given["time"], 0)


def test_types_come_back(client: Client) -> None:
    """Decimals, maps, tuples, arrays and NULL keep their types in the Native format."""
    [row] = client.query("SELECT toDecimal64('0.1', 4), map('a', 1), (1, 'x'), [NULL, 2], NULL").result_rows
    assert row == (Decimal("0.1000"), {"a": 1}, (1, "x"), [None, 2], None)


def test_an_empty_result_has_its_columns(client: Client) -> None:
    """Names and types are there where rows are not."""
    result = client.query("SELECT user_id, total_cost AS cost FROM cost_records WHERE user_id = 'nobody'")
    assert result.column_names == ("user_id", "cost")
    assert result.column_types[1].name == "Decimal(38, 12)"
    assert result.result_rows == []


def test_a_large_result_streams(client: Client) -> None:
    """A million rows arrive whole, in blocks."""
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(1000000)") as blocks:
        assert sum(map(len, blocks)) == 1_000_000


def test_formats(client: Client) -> None:
    """Any other format comes as it is."""
    assert client.raw_query("SELECT 1 AS a, 'x' AS b", fmt="CSVWithNames") == b'"a","b"\n1,"x"\n'
    assert b'"rows": 1' in client.raw_query("SELECT 1 AS a", fmt="JSON")
    assert client.raw_query("SELECT 1 AS a", fmt="Parquet").startswith(b"PAR1")


def test_settings_are_honoured_or_refused(client: Client) -> None:
    """Harmless settings work, limits only tighten, the rest is refused."""
    joined = "SELECT y.b FROM (SELECT 1 AS a) AS x LEFT JOIN (SELECT 2 AS a, 3 AS b) AS y USING (a)"
    assert client.query(joined, settings={"join_use_nulls": 1}).result_rows == [(None,)]
    with pytest.raises(DatabaseError, match="TOO_MANY_ROWS"):
        client.query("SELECT count() FROM numbers(1000)", settings={"max_rows_to_read": 10})
    with pytest.raises(ClickHouseError, match="cannot be chosen here"):
        client.query("SELECT 1", settings={"dialect": "prql"})


def test_errors_keep_their_code(client: Client) -> None:
    """An error of the engine's arrives with its code and name."""
    with pytest.raises(DatabaseError, match="UNKNOWN_IDENTIFIER") as caught:
        client.query("SELECT missing FROM cost_records")
    assert caught.value.code == 47


def test_inserted_rows_are_in_the_records(client: Client, ledger: Ledger) -> None:
    """Rows are in the table and in the records when the insert returns; a repeat changes no total."""
    client.insert("otel_traces", paid_rows(1000), column_names=COLUMNS)
    assert totals(ledger) == (1000, Decimal(10))
    client.insert("otel_traces", paid_rows(1000), column_names=COLUMNS)
    client.insert("spanledger.otel_traces", paid_rows(10), column_names=COLUMNS)
    assert totals(ledger) == (1000, Decimal(10))


def test_raw_inserts(client: Client, ledger: Ledger) -> None:
    """Data that is formatted already is taken too, in text and as Native blocks, many of them in one body."""
    # Spans older than their keeping time would leave the table at once.
    line = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}" + ",%032x,%016x,\"{'cost.service':'s3','cost.total_cost':'0.5'}\"\n"
    csv = "".join(line % (number, number + 1) for number in range(3))
    names = ["Timestamp", "TraceId", "SpanId", "SpanAttributes"]
    client.raw_insert("otel_traces", names, insert_block=csv, fmt="CSV")
    assert totals(ledger) == (3, Decimal("1.5"))
    others = "SELECT Timestamp, TraceId, replaceOne(SpanId, '0', 'f') AS SpanId, SpanAttributes FROM otel_traces"
    blocks = client.raw_query(others, fmt="Native") * 2
    client.raw_insert("otel_traces", names, insert_block=blocks, fmt="Native")
    assert totals(ledger) == (6, Decimal(3))


def test_what_there_is(client: Client) -> None:
    """Databases and tables can be listed and described as tools do."""
    assert "cost_records" in str(client.command("SHOW TABLES"))
    described = client.query("DESCRIBE TABLE cost_records").result_rows
    assert ("total_cost", "Decimal(38, 12)") in [row[:2] for row in described]

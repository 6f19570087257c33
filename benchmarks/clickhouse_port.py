"""How quick the ClickHouse port is, by clickhouse-connect over HTTP.

Usage: ``python benchmarks/clickhouse_port.py [--rounds 200]``. It opens a fresh embedded ledger, serves the port on
loopback, and prints one line of JSON: milliseconds of ``SELECT 1``, seconds to fetch a million rows of three columns,
and seconds to insert 200,000 paid spans that are prepared already, records included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from typing import TYPE_CHECKING

import clickhouse_connect

from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_connect.driver.client import Client

_FETCHED = "SELECT number, toString(number) AS text, number * 1.5 AS half FROM numbers(1000000)"
_SPANS = """
SELECT now64(9) AS Timestamp, lower(hex(sipHash128(number))) AS TraceId, lower(hex(sipHash64(number))) AS SpanId,
    map('cost.service', 'openai', 'cost.total_cost', '0.01', 'user.id', concat('user-', toString(number % 100)))
        AS SpanAttributes
FROM numbers(200000)
"""


def main() -> None:
    """Serve, ask, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory, open_ledger(f"chdb://{directory}") as ledger:
        migrate(ledger)
        with HttpServer(ClickHouseInterface(ledger, LoopbackAccess()), "127.0.0.1", 0) as server:
            client = clickhouse_connect.get_client(host="127.0.0.1", port=server.port)
            print(json.dumps(_measured(client, rounds)))
            client.close()


def _measured(client: Client, rounds: int) -> dict[str, float]:
    spans = client.raw_query(_SPANS, fmt="Native")
    single = sorted(_seconds(lambda: client.query("SELECT 1")) * 1000 for _ in range(rounds))
    columns = ["Timestamp", "TraceId", "SpanId", "SpanAttributes"]
    fetched = min(_seconds(lambda: client.query(_FETCHED, column_oriented=True).result_columns) for _ in range(3))
    inserted = _seconds(lambda: client.raw_insert("otel_traces", columns, insert_block=spans, fmt="Native"))
    return {
        "select_1_ms_p50": round(statistics.median(single), 2),
        "select_1_ms_p99": round(single[int(0.99 * (rounds - 1))], 2),
        "million_rows_fetched_s": round(fetched, 2),
        "two_hundred_thousand_spans_inserted_s": round(inserted, 2),
    }


def _seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()

"""How long the reports take by the size of the ledger, beside the records alone and beside DuckDB on Parquet.

Usage: ``python benchmarks/ledger_size.py [--records 1000000 10000000] [--rounds 50]``. For each size it fills a fresh
embedded ledger with seeded records of ninety days, sums them up, serves the API on loopback and asks for each report in
turns: with rollups, and from the records (``FINAL``) alone. DuckDB answers the same questions from one Parquet file of
the cost records. One line of JSON a size. A hundred million records need 20 GB of disk and half an hour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import duckdb
import httpx

from reports import PATHS, fill_ledger
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from spanledger_clickhouse.rollups import RECORDS_ONLY, RollupWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spanledger_clickhouse.ledger import Ledger

_DUCKDB = {
    "users": "SELECT user_id, sum(total_cost) c, count(*) FROM records WHERE started_at >= date_trunc('month', now())"
    " GROUP BY 1 ORDER BY c DESC LIMIT 10",
    "services": "SELECT service, sum(total_cost) c, avg(duration_ns), count(*) FROM records"
    " WHERE started_at >= date_trunc('month', now()) GROUP BY 1 ORDER BY c DESC",
    "trend": "SELECT started_at::date d, sum(total_cost), count(*) FROM records"
    " WHERE started_at >= now() - INTERVAL 30 DAY GROUP BY 1 ORDER BY 1",
    "prompts": "SELECT operation, sum(total_cost) c, avg(duration_ns), count(*) FROM records"
    " WHERE started_at >= date_trunc('month', now()) AND service = 'openai' GROUP BY 1 ORDER BY c DESC",
    "bottleneck": "SELECT step_name, avg(duration_ns), quantile_disc(duration_ns, 0.95), max(duration_ns), count(*)"
    " FROM records WHERE task_type = 'video_generation' AND started_at >= date_trunc('week', now()) GROUP BY 1",
    "execution": "SELECT * REPLACE (epoch_us(started_at) AS started_at) FROM records"
    " WHERE execution_id = 'execution-1000'",
}


def main() -> None:
    """Measure each size in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=50)
    told = parser.parse_args()
    for records in told.records:
        with tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory:
            print(json.dumps(_measure_size(Path(directory), records, told.rounds)), flush=True)


def _measure_size(directory: Path, records: int, rounds: int) -> dict[str, object]:
    with open_ledger(f"chdb://{directory}/ledger") as ledger:
        migrate(ledger)
        filled = _seconds(lambda: fill_ledger(ledger, records))
        worker = RollupWorker(ledger, quiet_seconds=0)
        summed_up = _seconds(lambda: _sum_up(worker))
        with HttpServer(create_app(ledger), "127.0.0.1", 0) as server, httpx.Client(base_url=server.url) as client:
            asked: dict[str, Callable[[], object]] = {name: partial(_get, client, path) for name, path in PATHS.items()}
            result: dict[str, object] = {
                "records": records,
                "fill_seconds_a_million": round(filled / records * 1e6, 2),
                "sum_up_seconds_a_million": round(summed_up / records * 1e6, 2),
                "bytes_a_record": _bytes_a_record(ledger, records),
                "rollups_ms": _milliseconds(asked, rounds),
            }
            with (
                mock.patch("spanledger_api.sums.plan_reading", return_value=RECORDS_ONLY),
                mock.patch("spanledger_api.executions.find_execution", return_value=None),
            ):
                result["records_ms"] = _milliseconds(asked, max(3, rounds // 10))
        result["duckdb_ms"] = _measure_duckdb(ledger, directory / "records.parquet", max(3, rounds // 10))
        return result


def _measure_duckdb(ledger: Ledger, parquet: Path, rounds: int) -> dict[str, dict[str, float]]:
    with ledger.borrow() as client:
        client.command(
            "INSERT INTO FUNCTION file({path:String}, 'Parquet')"
            " SELECT toDateTime64(started_at, 6, 'UTC') AS started_at, execution_id,"
            " user_id::String AS user_id, service::String AS service, operation::String AS operation,"
            " total_cost, duration_ns, task_type::String AS task_type, step_name::String AS step_name"
            " FROM cost_records_local FINAL",
            parameters={"path": str(parquet)},
        )
    with duckdb.connect() as connection:
        connection.read_parquet(str(parquet)).create_view("records")
        asked: dict[str, Callable[[], object]] = {
            name: partial(_rows, connection, sql) for name, sql in _DUCKDB.items()
        }
        return _milliseconds(asked, rounds)


def _get(client: httpx.Client, path: str) -> None:
    client.get(path, timeout=120).raise_for_status()


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return len(connection.execute(sql).fetchall())


def _sum_up(worker: RollupWorker) -> None:
    while worker.rebuild():
        pass


def _bytes_a_record(ledger: Ledger, records: int) -> dict[str, float]:
    rows = ledger.query(
        "SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase()"
        " AND (table LIKE '%records_local' OR table LIKE 'rollup%') GROUP BY table ORDER BY table"
    )
    return {str(row["table"]): round(int(str(row["bytes"])) / records, 2) for row in rows}


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _milliseconds(asked: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(rounds + 1):
        for name, ask in asked.items():
            milliseconds = 1000 * _seconds(ask)
            if number:  # the first round only warms up
                taken[name].append(milliseconds)
    return {
        name: {"p50": round(statistics.median(times), 1), "p99": round(sorted(times)[len(times) * 99 // 100], 1)}
        for name, times in taken.items()
    }


if __name__ == "__main__":
    main()

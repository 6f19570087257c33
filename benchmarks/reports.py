"""How long the reports take over HTTP, by the size of the ledger.

Usage: ``python benchmarks/reports.py [--records 1000000] [--rounds 20]``. It fills a fresh embedded ledger with seeded
records of ninety days inside the engine, serves the API on loopback, asks for each report in turns, and prints one line
of JSON with milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from filled_ledger import fill_ledger
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate

PATHS = {
    "users": "/api/analytics/cost/users?period=monthly&topN=10",
    "services": "/api/analytics/cost/services?period=monthly",
    "trend": "/api/analytics/cost/trend?period=daily&days=30",
    "prompts": "/api/analytics/cost/prompts?period=monthly",
    "bottleneck": "/api/analytics/performance/bottleneck?taskType=video_generation",
    "execution": "/api/executions/run-500",
}
"""Asked in turns."""

SCATTERED = {"scattered_execution": "/api/executions/execution-1000"}
"""Asked by itself: it reads all over the ledger for several times as long as a report, and would hold up the next."""


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    told = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory,
        open_ledger(f"chdb://{directory}") as ledger,
    ):
        migrate(ledger)
        fill_ledger(ledger, told.records)
        with HttpServer(create_app(ledger), "127.0.0.1", 0) as server:
            milliseconds = _measure(server.url, told.rounds)
        stored = sum(path.stat().st_size for path in Path(directory).rglob("*") if path.is_file())
    print(json.dumps({"records": told.records, "stored_bytes": stored, "milliseconds": milliseconds}))


def _measure(url: str, rounds: int) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {name: [] for name in (*PATHS, *SCATTERED)}
    with httpx.Client(base_url=url, timeout=60) as client:
        for number in range(rounds + 1):
            for name, path in (*PATHS.items(), *SCATTERED.items()):
                began = time.perf_counter()
                client.get(path).raise_for_status()
                if number:  # the first round only warms up
                    taken[name].append((time.perf_counter() - began) * 1000)
    return {
        name: {"p50": round(statistics.median(times), 1), "max": round(max(times), 1)} for name, times in taken.items()
    }


if __name__ == "__main__":
    main()

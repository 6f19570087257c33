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
from typing import TYPE_CHECKING

import httpx

from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_RECORDS_A_STATEMENT = 1_000_000

_COST_RECORDS = """
INSERT INTO cost_records_local
(
    started_at, trace_id, span_id, execution_id, user_id, service, operation, model, quantity, unit, unit_cost,
    total_cost, currency, source, price_id, reason, duration_ns, status, error, task_type, step_name, prompt_category,
    prompt_name, metadata, created_at, version, is_deleted
)
SELECT
    now64(9) - toIntervalMillisecond(cityHash64(number, 1) % (90 * 86400000)) AS started_at,
    toFixedString(reinterpretAsString(reinterpretAsUUID(cityHash64(number, 2))), 16) AS trace_id,
    reinterpretAsFixedString(cityHash64(number, 3)) AS span_id,
    concat('execution-', toString(intDiv(number, 8))) AS execution_id,
    concat('user-', toString(cityHash64(number, 4) % 10000)) AS user_id,
    ['openai', 'openai', 'openai', 'whisper', 'google_video_ai', 's3', 'cloudfront', 'cloudflare_stream'][
        number % 8 + 1],
    concat('gpt-4_category_prompt_', toString(cityHash64(number, 5) % 40)), 'gpt-4',
    toDecimal128(cityHash64(number, 6) % 5000, 12), 'tokens', toDecimal128('0.00004', 18),
    toDecimal128(cityHash64(number, 7) % 1000000, 12) / 1000000, 'USD', 'price_book', 'openai/gpt-4/2023-03-14', '',
    cityHash64(number, 8) % 5000000000, 'success', '', 'video_generation',
    concat('step_', toString(number % 12)), 'category', concat('prompt_', toString(cityHash64(number, 5) % 40)),
    map(), now64(3), -1, 0
FROM numbers({start:UInt64}, {count:UInt64})
"""

_PERFORMANCE_RECORDS = """
INSERT INTO performance_records_local
SELECT started_at, trace_id, span_id, execution_id, user_id, task_type, step_name, duration_ns, status, error, map(),
    created_at, version
FROM cost_records_local
"""

_TASK_EXECUTIONS = """
INSERT INTO task_executions_local
(
    started_at, execution_id, trace_id, span_id, user_id, task_type, status, error_message, completed_at, created_at,
    version
)
WITH number AS execution
SELECT
    now64(9) - toIntervalNanosecond(cityHash64(execution, 1) % (90 * 86400000000000) + 600000000000) AS started_at,
    concat('execution-', toString(execution)) AS execution_id,
    toFixedString(MD5(toString(execution)), 16) AS trace_id,
    reinterpretAsFixedString(cityHash64(execution, 9)) AS span_id,
    concat('user-', toString(cityHash64(execution, 4) % 10000)) AS user_id, 'video_generation', 'completed', '',
    started_at + toIntervalMinute(10) AS completed_at, now64(3), 1
FROM numbers(intDiv({start:UInt64}, 8), intDiv({count:UInt64} + 7, 8))
"""

PATHS = {
    "users": "/api/analytics/cost/users?period=monthly&topN=10",
    "services": "/api/analytics/cost/services?period=monthly",
    "trend": "/api/analytics/cost/trend?period=daily&days=30",
    "prompts": "/api/analytics/cost/prompts?period=monthly",
    "bottleneck": "/api/analytics/performance/bottleneck?taskType=video_generation",
    "execution": "/api/executions/execution-1000",
}


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


def fill_ledger(ledger: Ledger, records: int) -> None:
    """Insert seeded records of the last ninety days, and an execution for every eight, inside the engine."""
    for start in range(0, records, _RECORDS_A_STATEMENT):
        stretch = {"start": start, "count": min(_RECORDS_A_STATEMENT, records - start)}
        ledger.command(_COST_RECORDS, stretch)
        ledger.command(_TASK_EXECUTIONS, stretch)
    ledger.command(_PERFORMANCE_RECORDS)
    for table in ("cost_records_local", "performance_records_local", "task_executions_local"):
        ledger.command(f"OPTIMIZE TABLE {table} FINAL")


def _measure(url: str, rounds: int) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {name: [] for name in PATHS}
    with httpx.Client(base_url=url, timeout=60) as client:
        for number in range(rounds + 1):
            for name, path in PATHS.items():
                began = time.perf_counter()
                client.get(path).raise_for_status()
                if number:  # the first round only warms up
                    taken[name].append((time.perf_counter() - began) * 1000)
    return {
        name: {"p50": round(statistics.median(times), 1), "max": round(max(times), 1)} for name, times in taken.items()
    }


if __name__ == "__main__":
    main()

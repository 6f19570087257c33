"""A ledger with as many seeded records as wanted, made inside the engine, summed up and merged."""

from __future__ import annotations

import time
from string import Template
from typing import TYPE_CHECKING

from spanledger_clickhouse.rollups import RollupWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["fill_ledger", "settle_ledger"]

_RECORDS_A_STATEMENT = 1_000_000

_COST_RECORDS = Template("""
INSERT INTO cost_records_local
(
    started_at, trace_id, span_id, execution_id, user_id, service, operation, model, quantity, unit, unit_cost,
    total_cost, currency, source, price_id, reason, duration_ns, status, error, task_type, step_name, prompt_category,
    prompt_name, metadata, version, is_deleted
)
SELECT
    now64(9) - toIntervalMillisecond($age) AS started_at,
    toFixedString(reinterpretAsString(reinterpretAsUUID(cityHash64(number, 2))), 16) AS trace_id,
    reinterpretAsFixedString(cityHash64(number, 3)) AS span_id,
    $execution AS execution_id,
    concat('user-', toString(cityHash64($user, 4) % 10000)) AS user_id,
    ['openai', 'openai', 'openai', 'whisper', 'google_video_ai', 's3', 'cloudfront', 'cloudflare_stream'][
        number % 8 + 1],
    concat('gpt-4_category_prompt_', toString(cityHash64(number, 5) % 40)), 'gpt-4',
    toDecimal128(cityHash64(number, 6) % 5000, 12), 'tokens', toDecimal128('0.00004', 18),
    toDecimal128(cityHash64(number, 7) % 1000000, 12) / 1000000, 'USD', 'price_book', 'openai/gpt-4/2023-03-14', '',
    cityHash64(number, 8) % 5000000000, 'success', '', 'video_generation',
    concat('step_', toString(number % 12)), 'category', concat('prompt_', toString(cityHash64(number, 5) % 40)),
    map(), -toUnixTimestamp64Milli(now64(3)), 0
FROM numbers({start:UInt64}, {count:UInt64})
""")

_SCATTERED = {
    "age": "cityHash64(number, 1) % (90 * 86400000)",
    "execution": "concat('execution-', toString(intDiv(number, 8)))",
    "user": "number",
}
"""Records of an execution lie anywhere in the ninety days, each of another user: none is so hard to read."""

_TOGETHER = {
    "age": "cityHash64(intDiv(number, 8), 1) % (90 * 86400000) + (7 - number % 8) * 60000",
    "execution": "concat('run-', toString(intDiv(number, 8) - 1250000000000))",
    "user": "intDiv(number, 8)",
}
"""Records of an execution lie in eight minutes and belong to one user."""

_FIRST_TOGETHER = 10_000_000_000_000
_RECORDS_TOGETHER = 8_000

_PERFORMANCE_RECORDS = """
INSERT INTO performance_records_local
SELECT started_at, trace_id, span_id, execution_id, user_id, task_type, step_name, duration_ns, status, error, map(),
    created_at, version
FROM cost_records_local
WHERE startsWith(execution_id, {executions:String})
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


def fill_ledger(ledger: Ledger, records: int) -> None:
    """Insert seeded records of the last ninety days, and an execution for every eight, inside the engine.

    Besides there are a thousand executions, ``run-0`` to ``run-999``, each of which has its eight records together, all
    of one user. What is there already is not inserted again.
    """
    if not _holds(ledger, "execution-0"):
        cost_records = _COST_RECORDS.substitute(_SCATTERED)
        for start in range(0, records, _RECORDS_A_STATEMENT):
            stretch = {"start": start, "count": min(_RECORDS_A_STATEMENT, records - start)}
            ledger.command(cost_records, stretch)
            ledger.command(_TASK_EXECUTIONS, stretch)
        ledger.command(_PERFORMANCE_RECORDS, {"executions": "execution-"})
        _merge(ledger)
    if not _holds(ledger, "run-0"):
        stretch = {"start": _FIRST_TOGETHER, "count": _RECORDS_TOGETHER}
        ledger.command(_COST_RECORDS.substitute(_TOGETHER), stretch)
        ledger.command(_PERFORMANCE_RECORDS, {"executions": "run-"})
        _merge(ledger)


def settle_ledger(ledger: Ledger, limit_seconds: float, note: Callable[[str], None]) -> tuple[float, bool]:
    """Sum everything up and let merges end, or go on at the limit.

    Returns:
        The seconds that summing up took, and whether all of it was done.
    """
    worker, began = RollupWorker(ledger, quiet_seconds=0), time.monotonic()
    while (made := worker.rebuild()) and time.monotonic() - began < limit_seconds:
        note(f"{worker.rebuilt:,} buckets are summed up.")
    elapsed = time.monotonic() - began
    while (merging := ledger.query("SELECT table FROM system.merges")) and time.monotonic() - began < limit_seconds:
        time.sleep(0.5)
    return elapsed, not made and not merging


def _holds(ledger: Ledger, execution_id: str) -> bool:
    rows = ledger.query(
        "SELECT 1 AS found FROM cost_records_local WHERE execution_id = {execution_id:String} LIMIT 1",
        {"execution_id": execution_id},
    )
    return bool(rows)


def _merge(ledger: Ledger) -> None:
    for table in ("cost_records_local", "performance_records_local", "task_executions_local"):
        ledger.command(f"OPTIMIZE TABLE {table} FINAL")

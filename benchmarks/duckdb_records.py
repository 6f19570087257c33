"""The reports' questions to DuckDB, over one Parquet file of a ledger's cost records."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger
    from timing import Questions

__all__ = ["duckdb_questions"]

_EXPORT = """
INSERT INTO FUNCTION file({path:String}, 'Parquet')
SELECT toDateTime64(started_at, 6, 'UTC') AS started_at, execution_id, user_id::String AS user_id,
    service::String AS service, operation::String AS operation, total_cost, duration_ns,
    task_type::String AS task_type, step_name::String AS step_name
FROM cost_records_local FINAL
"""
_QUESTIONS = {
    "users": "SELECT user_id, sum(total_cost) c, count(*) FROM records WHERE started_at >= date_trunc('month', now())"
    " GROUP BY 1 ORDER BY c DESC LIMIT 10",
    "services": "SELECT service, sum(total_cost) c, avg(duration_ns), count(*) FROM records"
    " WHERE started_at >= date_trunc('month', now()) GROUP BY 1 ORDER BY c DESC",
    "trend": "SELECT started_at::date d, sum(total_cost), count(*) FROM records"
    " WHERE started_at >= date_trunc('day', now()) - INTERVAL 29 DAY GROUP BY 1 ORDER BY 1",
    "prompts": "SELECT operation, sum(total_cost) c, avg(total_cost), avg(duration_ns), count(*) FROM records"
    " WHERE started_at >= date_trunc('month', now()) AND service = 'openai' GROUP BY 1 ORDER BY c DESC",
    "bottleneck": "SELECT step_name, avg(duration_ns), quantile_disc(duration_ns, 0.95), max(duration_ns), count(*)"
    " FROM records WHERE task_type = 'video_generation' AND started_at >= date_trunc('week', now()) GROUP BY 1",
    "execution": "SELECT * REPLACE (epoch_us(started_at) AS started_at) FROM records WHERE execution_id = 'run-500'",
    "scattered_execution": "SELECT * REPLACE (epoch_us(started_at) AS started_at) FROM records"
    " WHERE execution_id = 'execution-1000'",
}


@contextmanager
def duckdb_questions(ledger: Ledger, parquet: Path) -> Generator[Questions]:
    """Write a ledger's cost records to a Parquet file and lend the questions to it."""
    ledger.command(_EXPORT, {"path": str(parquet)})
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.read_parquet(str(parquet)).create_view("records")
        yield {name: partial(_rows, connection, sql) for name, sql in _QUESTIONS.items()}


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return len(connection.execute(sql).fetchall())

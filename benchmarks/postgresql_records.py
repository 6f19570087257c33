"""The reports' questions to PostgreSQL, over a ledger's records in plain tables with the indexes one would make.

The ledger's reports go by when something started, these tables by when it was recorded; so that both look at the same
rows, ``created_at`` holds the start here.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, LiteralString

from postgresql_server import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import psycopg

    from spanledger_clickhouse.ledger import Ledger
    from timing import Questions

__all__ = ["PostgresqlRecords", "postgresql_records"]

_FILL_SECONDS = 900
_BLOCK_BYTES = 1 << 20

_TABLES: dict[LiteralString, LiteralString] = {
    "cost_records": """
        CREATE TABLE cost_records (
            record_id uuid PRIMARY KEY, execution_id text, user_id text, service text, operation text,
            quantity numeric(38, 12), unit text, unit_cost numeric(38, 18), total_cost numeric(38, 12),
            started_at timestamptz, duration double precision, metadata jsonb, created_at timestamptz)
    """,
    "performance_records": """
        CREATE TABLE performance_records (
            record_id uuid PRIMARY KEY, execution_id text, task_type text, step_name text, started_at timestamptz,
            completed_at timestamptz, duration double precision, status text, error text, metadata jsonb,
            created_at timestamptz)
    """,
    "task_executions": """
        CREATE TABLE task_executions (
            execution_id text PRIMARY KEY, user_id text, task_type text, status text, total_cost numeric(38, 12),
            ai_calls_count bigint, error_message text, started_at timestamptz, completed_at timestamptz)
    """,
}
_INDEXES: tuple[LiteralString, ...] = (
    "CREATE INDEX idx_cost_user_date ON cost_records(user_id, created_at DESC)",
    "CREATE INDEX idx_cost_execution ON cost_records(execution_id)",
    "CREATE INDEX idx_cost_service ON cost_records(service, created_at DESC)",
    "CREATE INDEX idx_perf_task_type ON performance_records(task_type, created_at DESC)",
    "CREATE INDEX idx_perf_execution ON performance_records(execution_id)",
    "VACUUM ANALYZE",
)
# An execution's total stays 0: it would be added up while its records arrive, and no question reads it.
_EXPORTS: dict[LiteralString, str] = {
    "cost_records": "record_id, execution_id, user_id, service, operation, quantity, unit, unit_cost, total_cost,"
    " toDateTime64(started_at, 6, 'UTC'), duration, toJSONString(metadata),"
    " toDateTime64(started_at, 6, 'UTC') AS recorded_at",
    "performance_records": "record_id, execution_id, task_type, step_name, toDateTime64(started_at, 6, 'UTC'),"
    " toDateTime64(completed_at, 6, 'UTC'), duration, status, error, toJSONString(metadata),"
    " toDateTime64(started_at, 6, 'UTC') AS recorded_at",
    "task_executions_local": "execution_id, user_id, task_type, status, 0 AS total_cost, 0 AS ai_calls_count,"
    " error_message, toDateTime64(started_at, 6, 'UTC'), toDateTime64(completed_at, 6, 'UTC')",
}
_QUESTIONS: dict[str, tuple[LiteralString, ...]] = {
    "users": (
        (
            "SELECT user_id, sum(total_cost) AS total_cost, count(*) FROM cost_records"
            " WHERE created_at >= date_trunc('month', now()) GROUP BY user_id ORDER BY 2 DESC LIMIT 10"
        ),
    ),
    "services": (
        (
            "SELECT service, sum(total_cost) AS total_cost, avg(duration), count(*) FROM cost_records"
            " WHERE created_at >= date_trunc('month', now()) GROUP BY service ORDER BY 2 DESC"
        ),
    ),
    "trend": (
        (
            "SELECT created_at::date AS date, sum(total_cost), count(*) FROM cost_records"
            " WHERE created_at >= date_trunc('day', now()) - interval '29 days' GROUP BY 1 ORDER BY 1"
        ),
    ),
    "prompts": (
        (
            "SELECT operation, sum(total_cost) AS total_cost, avg(total_cost), avg(duration), count(*)"
            " FROM cost_records WHERE service = 'openai' AND created_at >= date_trunc('month', now())"
            " GROUP BY operation ORDER BY 2 DESC"
        ),
    ),
    "bottleneck": (
        (
            "SELECT step_name, avg(duration), percentile_disc(0.95) WITHIN GROUP (ORDER BY duration), max(duration),"
            " count(*) FROM performance_records WHERE task_type = 'video_generation'"
            " AND created_at >= date_trunc('week', now()) GROUP BY step_name ORDER BY 2 DESC"
        ),
    ),
    "execution": (
        "SELECT * FROM task_executions WHERE execution_id = 'job-500'",
        "SELECT * FROM cost_records WHERE execution_id = 'job-500' ORDER BY started_at",
        "SELECT * FROM performance_records WHERE execution_id = 'job-500' ORDER BY started_at",
    ),
    "scattered_execution": (
        "SELECT * FROM task_executions WHERE execution_id = 'execution-1000'",
        "SELECT * FROM cost_records WHERE execution_id = 'execution-1000' ORDER BY started_at",
        "SELECT * FROM performance_records WHERE execution_id = 'execution-1000' ORDER BY started_at",
    ),
}


class PostgresqlRecords:
    """A ledger's records in PostgreSQL.

    Attributes:
        fill_seconds: How long it took to load and index them.
        bytes_on_disk: What tables and indexes take, by table.
        questions: What to ask them.
    """

    def __init__(self, connection: psycopg.Connection, ledger: Ledger, directory: Path) -> None:
        connection.execute("SELECT set_config('statement_timeout', %s, false)", [f"{_FILL_SECONDS}s"])
        self.fill_seconds = 0.0
        for exported, columns in _EXPORTS.items():
            _export(ledger, exported, columns, directory / "rows.tsv")
            began = time.perf_counter()
            _copy(connection, exported.removesuffix("_local"), directory / "rows.tsv")
            self.fill_seconds += time.perf_counter() - began
        began = time.perf_counter()
        for statement in _INDEXES:
            connection.execute(statement)
        self.fill_seconds += time.perf_counter() - began
        sizes = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relname = ANY(%s)", [[*_TABLES]]
        )
        self.bytes_on_disk: dict[str, int] = dict(sizes.fetchall())
        self.questions: Questions = {name: partial(_ask, connection, sql) for name, sql in _QUESTIONS.items()}


@contextmanager
def postgresql_records(ledger: Ledger, directory: Path) -> Generator[PostgresqlRecords]:
    """Start a server, give it every record of a ledger, and lend them.

    Args:
        ledger: Where the records are; nothing may arrive meanwhile.
        directory: Takes the rows on their way, one table at a time.

    Raises:
        CalledProcessError: The server cannot be started.
        QueryCanceled: A table or an index took longer than a quarter of an hour.
    """
    with postgresql_server() as connection:
        yield PostgresqlRecords(connection, ledger, directory)


def _export(ledger: Ledger, table: str, columns: str, path: Path) -> None:
    # FINAL is in the two views already, and nothing writes a task execution twice here.
    statement = f"INSERT INTO FUNCTION file({{path:String}}, 'TSV') SELECT {columns} FROM {table}"  # noqa: S608 - names of this module
    ledger.command(statement, {"path": str(path)})


def _copy(connection: psycopg.Connection, table: LiteralString, path: Path) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_TABLES[table])
        with path.open("rb") as rows, cursor.copy(f"COPY {table} FROM STDIN (FREEZE)") as copy:
            while block := rows.read(_BLOCK_BYTES):
                copy.write(block)
    path.unlink()


def _ask(connection: psycopg.Connection, statements: tuple[LiteralString, ...]) -> int:
    return sum(len(connection.execute(statement).fetchall()) for statement in statements)

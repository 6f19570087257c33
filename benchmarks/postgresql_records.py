"""The reports' questions to PostgreSQL, over a ledger's records in plain tables with the indexes one would make.

The ledger's reports go by when something started, these tables by when it was recorded; so that both look at the same
rows, ``created_at`` holds the start here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from postgresql_server import postgresql_server
from timing import milliseconds, seconds

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from spanledger_clickhouse.ledger import Ledger
    from timing import Percentiles

__all__ = ["PostgresqlFigures", "ask_postgresql"]

_FILL_SECONDS = 7200
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
_INDEXES: dict[LiteralString, tuple[LiteralString, ...]] = {
    "cost_records": (
        "CREATE INDEX idx_cost_user_date ON cost_records(user_id, created_at DESC)",
        "CREATE INDEX idx_cost_execution ON cost_records(execution_id)",
        "CREATE INDEX idx_cost_service ON cost_records(service, created_at DESC)",
    ),
    "performance_records": (
        "CREATE INDEX idx_perf_task_type ON performance_records(task_type, created_at DESC)",
        "CREATE INDEX idx_perf_execution ON performance_records(execution_id)",
    ),
    "task_executions": (),
}
# An execution's total stays 0: it would be added up while its records arrive, and no question reads it.
_EXPORTS: dict[LiteralString, str] = {
    "cost_records": "record_id, execution_id, user_id, service, operation, quantity, unit, unit_cost, total_cost,"
    " toDateTime64(started_at, 6, 'UTC'), duration, toJSONString(metadata),"
    " toDateTime64(started_at, 6, 'UTC') AS recorded_at",
    "performance_records": "record_id, execution_id, task_type, step_name, toDateTime64(started_at, 6, 'UTC'),"
    " toDateTime64(completed_at, 6, 'UTC'), duration, status, error, toJSONString(metadata),"
    " toDateTime64(started_at, 6, 'UTC') AS recorded_at",
    "task_executions": "execution_id, user_id, task_type, status, 0 AS total_cost, 0 AS ai_calls_count,"
    " error_message, toDateTime64(started_at, 6, 'UTC'), toDateTime64(completed_at, 6, 'UTC')",
}
_EXPORTED_FROM = {"task_executions": "task_executions_local"}
"""Where the rows of a table are, unless under its own name; nothing writes a task execution twice here."""

_QUESTIONS: dict[LiteralString, dict[str, LiteralString]] = {
    "cost_records": {
        "users": "SELECT user_id, sum(total_cost) AS total_cost, count(*) FROM cost_records"
        " WHERE created_at >= date_trunc('month', now()) GROUP BY user_id ORDER BY 2 DESC LIMIT 10",
        "services": "SELECT service, sum(total_cost) AS total_cost, avg(duration), count(*) FROM cost_records"
        " WHERE created_at >= date_trunc('month', now()) GROUP BY service ORDER BY 2 DESC",
        "trend": "SELECT created_at::date AS date, sum(total_cost), count(*) FROM cost_records"
        " WHERE created_at >= date_trunc('day', now()) - interval '29 days' GROUP BY 1 ORDER BY 1",
        "prompts": "SELECT operation, sum(total_cost) AS total_cost, avg(total_cost), avg(duration), count(*)"
        " FROM cost_records WHERE service = 'openai' AND created_at >= date_trunc('month', now())"
        " GROUP BY operation ORDER BY 2 DESC",
        "execution": "SELECT * FROM cost_records WHERE execution_id = 'run-500' ORDER BY started_at",
        "scattered_execution": "SELECT * FROM cost_records WHERE execution_id = 'execution-1000' ORDER BY started_at",
    },
    "performance_records": {
        "bottleneck": "SELECT step_name, avg(duration), percentile_disc(0.95) WITHIN GROUP (ORDER BY duration),"
        " max(duration), count(*) FROM performance_records WHERE task_type = 'video_generation'"
        " AND created_at >= date_trunc('week', now()) GROUP BY step_name ORDER BY 2 DESC",
        "execution": "SELECT * FROM performance_records WHERE execution_id = 'run-500' ORDER BY started_at",
        "scattered_execution": "SELECT * FROM performance_records WHERE execution_id = 'execution-1000'"
        " ORDER BY started_at",
    },
    "task_executions": {
        "execution": "SELECT * FROM task_executions WHERE execution_id = 'run-500'",
        "scattered_execution": "SELECT * FROM task_executions WHERE execution_id = 'execution-1000'",
    },
}


@dataclass(frozen=True)
class PostgresqlFigures:
    """What was seen of a ledger's records in PostgreSQL.

    Attributes:
        fill_seconds: How long it took to load and index them.
        bytes_on_disk: What tables and indexes take, by table.
        waits: How long the questions take; one that reads several tables takes what it takes in each.
    """

    fill_seconds: float = 0.0
    bytes_on_disk: dict[str, int] = field(default_factory=dict[str, int])
    waits: Percentiles = field(default_factory=dict[str, dict[str, float]])


def ask_postgresql(ledger: Ledger, directory: Path, rounds: int) -> PostgresqlFigures:
    """Start a server, give it every record of a ledger, and ask it the reports' questions.

    One table at a time is loaded, asked and dropped: no question joins two, and of a hundred million records all
    tables together may not fit on the disk.

    Args:
        ledger: Where the records are; nothing may arrive meanwhile.
        directory: Takes the rows on their way, a day at a time.
        rounds: How often each question is asked.

    Raises:
        CalledProcessError: The server cannot be started.
        QueryCanceled: A table or an index took longer than two hours.
    """
    figures = PostgresqlFigures()
    with postgresql_server() as connection:
        connection.execute("SELECT set_config('statement_timeout', %s, false)", [f"{_FILL_SECONDS}s"])
        for table, questions in _QUESTIONS.items():
            elapsed = seconds(partial(_fill, connection, ledger, table, directory / "rows.tsv"))
            figures = replace(figures, fill_seconds=figures.fill_seconds + elapsed)
            figures.bytes_on_disk[table] = _bytes_on_disk(connection, table)
            waits = milliseconds(
                {name: partial(_ask, connection, statement) for name, statement in questions.items()}, rounds
            )
            for name, taken in waits.items():
                known = figures.waits.get(name, {})
                figures.waits[name] = {rank: round(known.get(rank, 0) + wait, 1) for rank, wait in taken.items()}
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table)))
    return figures


def _fill(connection: psycopg.Connection, ledger: Ledger, table: LiteralString, path: Path) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_TABLES[table])
        with cursor.copy(f"COPY {table} FROM STDIN (FREEZE)") as copy:
            for day in _days(ledger, table):
                _export(ledger, table, day, path)
                with path.open("rb") as rows:
                    while block := rows.read(_BLOCK_BYTES):
                        copy.write(block)
                path.unlink()
    for statement in _INDEXES[table]:
        connection.execute(statement)
    connection.execute("VACUUM ANALYZE")


def _source(table: str) -> str:
    return _EXPORTED_FROM.get(table, table)


def _days(ledger: Ledger, table: str) -> list[object]:
    rows = ledger.query(f"SELECT DISTINCT toDate(started_at) AS day FROM {_source(table)} ORDER BY day")  # noqa: S608 - names of this module
    return [row["day"] for row in rows]


def _export(ledger: Ledger, table: LiteralString, day: object, path: Path) -> None:
    statement = (
        f"INSERT INTO FUNCTION file({{path:String}}, 'TSV') SELECT {_EXPORTS[table]} FROM {_source(table)}"  # noqa: S608 - names of this module
        " WHERE toDate(started_at) = {day:Date}"
    )
    ledger.command(statement, {"path": str(path), "day": day})


def _bytes_on_disk(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute("SELECT pg_total_relation_size(%s::regclass)", [table]).fetchone()
    assert row is not None  # noqa: S101 - the statement has one row
    return int(row[0])


def _ask(connection: psycopg.Connection, statement: LiteralString) -> int:
    return len(connection.execute(statement).fetchall())

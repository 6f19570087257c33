"""How long the reports take by the size of the ledger, beside the records alone, PostgreSQL, and DuckDB on Parquet.

Usage: ``python benchmarks/ledger_size.py [--records 1000000 10000000] [--rounds 50] [--rate 20000]``, by default with a
hundred million too, which takes hours. For each size it fills a fresh embedded ledger with seeded records of ninety
days inside the engine and sums them up. The reports are asked for in turns: from the records (``FINAL``) alone, from
``spanledger up`` in its own process, and from it again while so many spans a second arrive. PostgreSQL (where it is
installed) has the same rows in plain tables with indexes, DuckDB the cost records in one Parquet file. Prints a table
and one line of JSON a size.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import httpx

from duckdb_records import duckdb_questions
from filled_ledger import fill_ledger, settle_ledger
from postgresql_records import ask_postgresql
from postgresql_server import is_postgresql_installed
from served_ledger import arriving, report_questions, served_ledger
from size_table import print_table
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from spanledger_clickhouse.rollups import RECORDS_ONLY
from timing import milliseconds, seconds

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from spanledger_clickhouse.ledger import Ledger
    from timing import Percentiles, Questions


@dataclass(frozen=True)
class _Told:
    rounds: int
    rate: int
    settle_seconds: float
    postgresql: bool
    duckdb: bool

    @property
    def few_rounds(self) -> int:
        """For what takes seconds."""
        return max(3, self.rounds // 10)


def main() -> None:
    """Measure each size in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--rate", type=int, default=20_000, help="spans a second in the last pass; 0 leaves it out")
    parser.add_argument("--settle-seconds", type=float, default=3600, help="how long to wait for rollups and merges")
    parser.add_argument("--keep", type=Path, help="directory that ledgers are kept in, and found again by their size")
    parser.add_argument("--postgresql", action=argparse.BooleanOptionalAction, default=is_postgresql_installed())
    parser.add_argument("--duckdb", action=argparse.BooleanOptionalAction, default=True)
    told = vars(parser.parse_args())
    sizes: list[int] = told.pop("records")
    keep: Path | None = told.pop("keep")
    if not told["postgresql"]:
        _note("PostgreSQL is left out: it is not installed, or not wanted.")
    for records in sizes:
        with _directory(keep, records) as directory:
            figures, waits = _measure_size(directory, records, _Told(**told))
        print_table(f"{records:,} records", waits, figures)
        print(json.dumps({"records": records, **figures, "milliseconds": waits}), flush=True)


@contextmanager
def _directory(keep: Path | None, records: int) -> Generator[Path]:
    if keep is not None:
        (directory := keep / str(records)).mkdir(parents=True, exist_ok=True)
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="spanledger-bench-") as temporary:
        yield Path(temporary)


def _measure_size(directory: Path, records: int, told: _Told) -> tuple[dict[str, object], dict[str, Percentiles]]:
    """Further figures, and the milliseconds of each way of answering."""
    dsn = f"chdb://{directory}/ledger"
    figures: dict[str, object] = {}
    waits: dict[str, Percentiles] = {}
    with open_ledger(dsn) as ledger:
        migrate(ledger)
        _note(f"Filling a ledger with {records:,} records.")
        figures["fill_seconds_a_million"] = _a_million(seconds(lambda: fill_ledger(ledger, records)), records)
        elapsed, figures["settled"] = settle_ledger(ledger, told.settle_seconds, _note)
        figures["sum_up_seconds_a_million"] = _a_million(elapsed, records)
        figures["bytes_a_record"] = _bytes_a_record(ledger, records)
        waits["records"] = _ask_records_alone(ledger, told.few_rounds, figures)
        if told.duckdb:
            with duckdb_questions(ledger, directory / "records.parquet") as questions:
                waits["duckdb"] = milliseconds(questions, told.few_rounds)
        if told.postgresql:
            waits["postgresql"] = _ask_postgresql(ledger, directory, records, told, figures)
    return figures, {**_ask_served(dsn, told, figures), **waits}


def _ask_reports(way: str, questions: Iterable[Questions], rounds: int, figures: dict[str, object]) -> Percentiles:
    """The milliseconds; none of what is asked in turns with what was refused or too slow, as the figures say."""
    waits: Percentiles = {}
    for in_turns in questions:
        try:
            waits |= milliseconds(in_turns, rounds)
        except httpx.HTTPError as error:
            figures[f"{way}_failure"] = str(error)
    return waits


def _ask_records_alone(ledger: Ledger, rounds: int, figures: dict[str, object]) -> Percentiles:
    _note("Asking the records alone.")
    with (
        HttpServer(create_app(ledger), "127.0.0.1", 0) as server,
        report_questions(server.url) as questions,
        mock.patch("spanledger_api.sums.plan_reading", return_value=RECORDS_ONLY),
        mock.patch("spanledger_api.execution_records.find_execution", return_value=None),
    ):
        return _ask_reports("records", questions, rounds, figures)


def _ask_postgresql(
    ledger: Ledger, directory: Path, records: int, told: _Told, figures: dict[str, object]
) -> Percentiles:
    _note("Filling and asking PostgreSQL.")
    seen = ask_postgresql(ledger, directory, told.few_rounds)
    figures["postgresql_fill_seconds_a_million"] = _a_million(seen.fill_seconds, records)
    figures["postgresql_bytes_a_record"] = {
        table: round(size / records, 2) for table, size in seen.bytes_on_disk.items()
    }
    return seen.waits


def _ask_served(dsn: str, told: _Told, figures: dict[str, object]) -> dict[str, Percentiles]:
    _note("Asking spanledger up.")
    with served_ledger(dsn) as (server, addresses), report_questions(addresses["api"]) as questions:
        waits = {"rollups": _ask_reports("rollups", questions, told.rounds, figures)}
        if told.rate:
            with arriving(addresses["otlp_http"], told.rate) as arrivals:
                waits["rollups_loaded"] = _ask_reports("rollups_loaded", questions, told.rounds, figures)
            figures["arrived_spans_a_second"] = arrivals.spans_a_second
        figures["memory_mib"] = server.memory_mib()
    return waits


def _bytes_a_record(ledger: Ledger, records: int) -> dict[str, float]:
    rows = ledger.query(
        "SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase()"
        " AND (table LIKE '%records_local' OR table LIKE 'task_executions%' OR table LIKE 'rollup%')"
        " GROUP BY table ORDER BY table"
    )
    return {str(row["table"]): round(int(str(row["bytes"])) / records, 2) for row in rows}


def _a_million(elapsed: float, records: int) -> float:
    return round(elapsed / records * 1e6, 2)


def _note(message: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

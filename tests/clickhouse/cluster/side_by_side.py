"""A process that puts the same spans into a plain ledger and into ledgers on clusters, and prints what each answers."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.testclient import TestClient

from spanledger.pricing import Calculator, PriceBook
from spanledger_api.app import create_app
from spanledger_clickhouse.dsn import Dsn
from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.migrations import known_migrations, migrate
from spanledger_clickhouse.rating import Rater
from spanledger_clickhouse.rollups import RollupWorker, Source, plan_reading
from spanledger_clickhouse.rollups.observations import look_everywhere
from tests.api.spans import Span, store
from tests.clickhouse.cluster.local_cluster import OneShard, SpreadLedger, TwoShards, configure
from tests.clickhouse.cluster.summed_up import recount_of_shards

if TYPE_CHECKING:
    from collections.abc import Iterator

# Spans are only kept for a while, so they are of today.
_NOW: Final = datetime.now(UTC)
_ARRIVED_TODAY: Final = "* REPLACE (created_at > now() - INTERVAL 1 DAY AS created_at)"
_VIEWS: Final = {"cost_records": _ARRIVED_TODAY, "performance_records": _ARRIVED_TODAY, "task_executions": "*"}


def _spans() -> Iterator[Span]:
    """Executions of two traces each, so that their shards differ, with costs, steps, failures and two currencies."""
    for number in range(40):
        paid = Span(
            start=_NOW - timedelta(minutes=2 * number),
            execution=f"execution-{number % 8}",
            user=f"user-{number % 3}",
            task=f"task-{number % 2}",
            service=("openai", "whisper", "s3")[number % 3],
            cost=Decimal(number) / 7,
            currency="EUR" if number % 10 == 9 else "",
            operation=f"gpt-4_{number % 4}",
            model="gpt-4",
            failed="refused" if number % 11 == 0 else "",
            duration_ns=10**6 * (number + 1),
        )
        yield paid
        free = replace(paid, service="", cost=None, failed="", duration_ns=10**9)
        yield replace(free, number=1_000 + number, step=f"step-{number % 5}")
        yield replace(free, number=2_000 + number, execution_status="failed" if number == 3 else "completed")


def _unpriced() -> Iterator[Span]:
    """Spans that the rater prices, 0.009 USD each: they say what was used."""
    for _ in range(12):
        yield Span(start=_NOW, service="whisper", source="", model="whisper-1", quantity=Decimal(90), unit="seconds")


def _answers(ledger: Ledger) -> dict[str, object]:
    """What the views hold and what every report says; of the time of arrival only whether it was today."""
    found: dict[str, object] = {}
    for view, columns in _VIEWS.items():
        rows = ledger.query(f"SELECT {columns} FROM {view}")  # noqa: S608 - a view of the list above
        found[view] = sorted(str(sorted(row.items())) for row in rows)
    app = create_app(ledger, clock=lambda: _NOW)
    client = TestClient(app)
    paths = app.openapi()["paths"]
    for path in sorted(path for path in paths if path.startswith("/api/analytics/") and "get" in paths[path]):
        answer = client.get(path, params={"taskType": "task-1"} if "bottleneck" in path else None)
        found[path] = [answer.status_code, answer.json()]
    return found


def _summed_up(ledger: Ledger) -> dict[str, object]:
    """The same once all hours are over and summed up, and whether nothing is left to the records."""
    later = int((_NOW + timedelta(days=1)).timestamp()) * 10**9
    worker = RollupWorker(ledger, quiet_seconds=0, now_ns=lambda: later)
    while worker.rebuild():
        pass
    plan = plan_reading(ledger, Source.COST, (0, None))
    return _answers(ledger) | {"is summed up": bool(plan.generations) and not plan.stretches and not plan.recent}


def _plain(directory: Path) -> dict[str, dict[str, object]]:
    """A ledger on no cluster; some spans come twice."""
    with Ledger(Dsn(path=directory, database="plain")) as ledger:
        migrate(ledger)
        spans = list(_spans())
        store(ledger, spans)
        store(ledger, spans[:50])
        return {"plain": _answers(ledger), "plain, summed up": _summed_up(ledger)}


def _two_shards(directory: Path) -> dict[str, dict[str, object]]:
    """The same spans on two shards, and how many records the first one has. Then anything happens to them."""
    with TwoShards(directory, "spread") as ledger:
        migrate(ledger)
        ledger.spread("plain")
        [row] = ledger.query(f"SELECT count() AS records FROM {ledger.shards[0]}.cost_records_shard FINAL")  # noqa: S608 - ours
        with SpreadLedger(ledger.dsn) as reader:
            answers = _answers(reader) | {"records of the first shard": row["records"]}
            summed_up = _summed_up(reader)
            recount_of_shards(reader, ledger)
    return {"two": answers, "two, summed up": summed_up}


def _two_replicas(directory: Path) -> dict[str, object]:
    """What was seen of a shard one of whose replicas lags behind, and then has nothing at all; each is a database."""
    with Ledger(Dsn(path=directory, database="copies", cluster="mirrored")) as ledger:
        for number, blocks in (("1", 3), ("2", 2)):
            ledger.command(f"CREATE DATABASE copies_{number}")
            table = f"copies_{number}.cost_records_shard"
            ledger.command(f"CREATE TABLE {table} (month UInt32) ENGINE = MergeTree PARTITION BY month ORDER BY month")
            for _ in range(blocks):
                ledger.command(f"INSERT INTO {table} SELECT 202603")
        with SpreadLedger(ledger.dsn) as reader:
            lagging = look_everywhere(reader, Source.COST)
            ledger.command("TRUNCATE TABLE copies_2.cost_records_shard")
            empty = look_everywhere(reader, Source.COST)
    seen = {"lagging": lagging, "empty": empty}
    return {name: [str(each.coverage), each.copies] for name, each in seen.items() if each is not None}


def _one_shard(directory: Path) -> dict[str, object]:
    """Spans that come twice through the Distributed table, and are priced through it; two migrate at once."""
    with OneShard(directory, "single") as ledger:
        with ThreadPoolExecutor(2) as together:
            applied = [len(migrations) for migrations in together.map(migrate, [ledger, ledger])]
        again = migrate(ledger)
        unpriced = list(_unpriced())
        store(ledger, unpriced)
        store(ledger, unpriced)
        Rater(ledger, Calculator(PriceBook.from_environment())).rate_pending()
        [row] = ledger.query("SELECT count() AS records, toString(sum(total_cost)) AS total FROM cost_records")
        return row | {"applied": max(applied) == len(known_migrations()), "applied again": len(again)}


def main(directory: Path) -> None:
    """Fill the ledgers below a directory, and print the answers of each by its name as JSON."""
    configure(directory)
    answers = {
        **_plain(directory),
        **_two_shards(directory),
        "one": _one_shard(directory),
        "copies": _two_replicas(directory),
    }
    print(json.dumps(answers, default=str))  # noqa: T201 - the answer to the test


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Pages of executions are those of a plain recount, whichever way they are found."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING, Any, Final

import pytest

from spanledger_api import dearest_executions, execution_pages, execution_ranking
from spanledger_api.chosen_executions import HASH
from spanledger_api.times import nanoseconds_of
from spanledger_clickhouse.rollups import RollupWorker, Source, find_executions
from tests.api.conftest import NOW
from tests.api.spans import Span, store
from tests.conftest import emptied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, Any]]]

_FROM: Final = NOW - timedelta(days=20)
_TO: Final = NOW - timedelta(days=1)
_COLLIDING: Final = "bitShiftLeft(cityHash64(execution_id) % 17, 44)"
"""A hash that many executions have in common, in few buckets."""
_FILTERS: Final[list[dict[str, str]]] = [
    {},
    {"status": "failed"},
    {"userId": "u1"},
    {"userId": "", "taskType": "t1"},
    {"service": "s3"},
    {"service": "s3", "status": "completed", "model": "m"},
    {"model": "nobody's"},
]


def _spans(chosen: random.Random) -> list[Span]:
    """Executions of one to three roots and any number of records, weeks apart; some amounts are negative."""
    spans: list[Span] = []
    for number in range(40):
        began = NOW - timedelta(days=chosen.choice([1, 2, 9, 19, 21]), hours=chosen.randrange(2), minutes=number)
        name = f"e{number}"
        for _ in range(chosen.choice([1, 1, 1, 2, 3])):
            root = Span(
                execution=name,
                execution_status=chosen.choice(["completed", "completed", "failed", "running"]),
                user=chosen.choice(["", "u1", "u2"]),
                task=chosen.choice(["t1", "t2"]),
                start=began + timedelta(hours=chosen.choice([0, 1, 300])),
                duration_ns=chosen.choice([5, 10**9, 7 * 10**12]),
            )
            spans.append(root)
        spans += [_record(chosen, name, began) for _ in range(chosen.choice([0, 1, 2, 6]))]
    return [*spans, _record(chosen, "no root", NOW)]


def _record(chosen: random.Random, execution: str, began: datetime) -> Span:
    return Span(
        execution=execution,
        service=chosen.choice(["openai", "s3"]),
        model=chosen.choice(["", "m"]),
        cost=Decimal(chosen.choice(["0.5", "0.5", "0.000000000001", "-0.25", "3"])),
        currency=chosen.choice(["", "", "", "EUR"]),
        user=chosen.choice(["u1", "u2"]),
        start=began + timedelta(days=chosen.choice([-12, 0, 0, 0, 3]), minutes=chosen.randrange(60)),
    )


@pytest.fixture(scope="module")
def filled(migrated_ledger: Ledger) -> Ledger:
    """A ledger whose records are partly summed up, with repeats, later versions and late records."""
    ledger, chosen = emptied(migrated_ledger), random.Random(7)  # noqa: S311 - the same spans each time
    spans = _spans(chosen)
    store(ledger, spans)
    ledger.command("OPTIMIZE TABLE cost_records_local FINAL")
    worker = RollupWorker(ledger, quiet_seconds=0)
    while worker.rebuild():
        pass
    store(ledger, chosen.sample(spans, 30))
    paid = [span for span in spans if span.service]
    for span, changed in zip(
        chosen.sample(paid, 4),
        ("toDecimal128(50, 12) AS total_cost", "'e3' AS execution_id", "1 AS is_deleted", "'' AS execution_id"),
        strict=True,
    ):
        ledger.command(
            f"INSERT INTO cost_records_local SELECT * REPLACE ({changed}, 1 AS version) FROM cost_records_local FINAL"  # noqa: S608 - of the rows above
            " WHERE trace_id = toFixedString(unhex({trace:String}), 16)",
            {"trace": f"{span.number:032x}"},
        )
    store(ledger, [replace(span, number=span.number + 10**6) for span in chosen.sample(paid, 10)])
    return ledger


def _recount(ledger: Ledger, filters: Mapping[str, str], order: str) -> list[tuple[str, Decimal, int]]:
    """Ids, costs and numbers of records, added up one by one."""
    start = nanoseconds_of(_FROM)
    paid: dict[str, list[Mapping[str, Any]]] = {}
    for row in ledger.query("SELECT *, toUnixTimestamp64Nano(started_at) AS ns FROM cost_records"):
        if row["ns"] >= start - 7 * 86_400 * 10**9:  # type: ignore[operator]
            paid.setdefault(str(row["execution_id"]), []).append(row)
    roots: dict[str, list[Mapping[str, Any]]] = {}
    for row in ledger.query(
        "SELECT *, toUnixTimestamp64Nano(started_at) AS ns, toUnixTimestamp64Nano(completed_at) AS ended"
        " FROM task_executions_local FINAL"
    ):
        roots.setdefault(str(row["execution_id"]), []).append(row)
    found: list[tuple[tuple[Any, ...], tuple[str, Decimal, int]]] = []
    for name, own in roots.items():
        own.sort(key=lambda root: (root["ns"], root["span_id"]))
        began, records, states = own[0]["ns"], paid.get(name, []), {root["status"] for root in own}
        said = {
            "status": next(state for state in ("failed", "running", "completed") if state in states),
            "userId": next((root["user_id"] for root in own if root["user_id"]), ""),
            "taskType": next((root["task_type"] for root in own if root["task_type"]), ""),
        }
        asked = {name: value for name, value in filters.items() if name in {"service", "model"}}
        if (
            not start <= began < nanoseconds_of(_TO)
            or any(said.get(key, value) != value for key, value in filters.items())
            or not (not asked or any(all(record[key] == asked[key] for key in asked) for record in records))
        ):
            continue
        cost = sum((record["total_cost"] for record in records if record["currency"] == "USD"), Decimal(0))
        length = -1 if any(root["ended"] is None for root in own) else max(root["ended"] for root in own) - began
        first = {"started": (), "cost": (-cost,), "duration": (-length,)}[order]
        found.append(((*first, -began, name), (name, cost, len(records))))
    return [each for _, each in sorted(found)]


def _paged(get: Get, filters: Mapping[str, str], order: str, limit: int) -> list[tuple[str, Decimal, int]]:
    asked = {**filters, "sort": order, "limit": limit, "from": f"{_FROM:%FT%TZ}", "to": f"{_TO:%FT%TZ}"}
    rows: list[dict[str, Any]] = []
    while True:
        page = get("/api/executions", {**asked, "offset": len(rows)})
        rows += page
        if len(page) < limit:
            return [(row["execution_id"], Decimal(row["total_cost"]), row["operations_count"]) for row in rows]


def _rank(monkeypatch: pytest.MonkeyPatch, hashed: str, part: int, spare: int) -> None:
    """Let bounds decide among few executions too."""
    monkeypatch.setattr(dearest_executions, "_FEW", 0)
    monkeypatch.setattr(dearest_executions, "_MANY", 0)
    monkeypatch.setattr(dearest_executions, "_SPARE", spare)
    monkeypatch.setattr(execution_ranking, "_PART", part)
    monkeypatch.setattr(execution_ranking, "_MOST_BUCKETS", 3)
    for module, name in (
        (execution_ranking, "_BUCKETS"),
        (execution_ranking, "_BOUNDS"),
        (dearest_executions, "_OF_HASHES"),
    ):
        sql: Template = getattr(module, name)
        monkeypatch.setattr(module, name, Template(sql.template.replace(HASH, hashed)))


@pytest.mark.parametrize("order", ["started", "cost", "duration"])
def test_pages_are_those_of_a_recount(filled: Ledger, get: Get, order: str) -> None:
    """In every order, with every filter, page after page."""
    for filters in _FILTERS:
        expected = _recount(filled, filters, order)
        assert _paged(get, filters, order, 7) == expected
        assert bool(expected) == (filters != {"model": "nobody's"})


@pytest.mark.parametrize("way", [(HASH, 10**6, 100), (HASH, 10, 100), (HASH, 10, 1), (_COLLIDING, 10, 1)])
def test_the_dearest_are_those_of_a_recount(
    filled: Ledger, get: Get, monkeypatch: pytest.MonkeyPatch, way: tuple[str, int, int]
) -> None:
    """Also where bounds of hashes choose whose sums are taken, in buckets or parts, and hashes are shared."""
    _rank(monkeypatch, *way)
    if way[-1] > 1:
        monkeypatch.setattr(execution_pages, "_DEAREST_EXECUTIONS", "not needed")

    for filters in _FILTERS[::2]:
        assert _paged(get, filters, "cost", 9) == _recount(filled, filters, "cost")


def test_a_few_that_cost_far_more_are_found_by_their_buckets(
    ledger: Ledger, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are not told apart: bounds of all are not asked for, nor sums of all."""
    _rank(monkeypatch, HASH, 10, 1)
    names = [f"e{n:02}" for n in range(40)]
    store(ledger, [Span(execution=name, execution_status="completed", start=NOW) for name in names])
    store(ledger, [Span(execution=name, service="s3", cost=Decimal(1), start=NOW) for name in names])
    store(ledger, [Span(execution=name, service="s3", cost=Decimal(99), start=NOW) for name in names[7:9]])
    monkeypatch.setattr(execution_pages, "_DEAREST_EXECUTIONS", "not needed")
    monkeypatch.setattr(execution_ranking, "_IN_PART", "not needed")

    rows = get("/api/executions", {"sort": "cost", "limit": 1})

    assert [(row["execution_id"], row["total_cost"]) for row in rows] == [("e07", 100)]


def test_executions_are_looked_for_together(ledger: Ledger) -> None:
    """Several executions are found on the days of all of them."""
    for number in range(3):
        span = Span(execution=f"e{number}", service="s3", cost=Decimal(1), start=NOW - timedelta(days=10 * number))
        store(ledger, [span])
    worker = RollupWorker(ledger, quiet_seconds=0)
    while worker.rebuild():
        pass

    found = find_executions(ledger, Source.COST, ["e0", "e2", "e9"])

    assert found is not None
    assert found.every_day == ((NOW - timedelta(days=20)).date(), NOW.date())

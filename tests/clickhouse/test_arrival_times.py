"""When a record first arrived is known for good, though the rows of arrivals say it by their version alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest

from spanledger.pricing import Calculator, PriceBook
from spanledger_clickhouse.migrations import known_migrations, migrate
from spanledger_clickhouse.rating import Rater
from spanledger_clickhouse.record_versions import ROUND
from spanledger_clickhouse.repricing import Repricer
from spanledger_clickhouse.rollups import RollupWorker
from tests.clickhouse.cluster.local_cluster import BesideLedger
from tests.clickhouse.repricing.conftest import EVERYTHING, NEW_PRICES, arrive, chat, transcription

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

_STEP = {"task.type": "t", "step.name": "s"}
_FOREIGN = {"gen_ai.usage.input_tokens": "1000", "gen_ai.usage.output_tokens": "500", "gen_ai.request.model": "gpt-4"}
_AGAIN = chat() | _STEP | {"retried": "true"}
"""The same once more, in other bytes: a table takes the same block only once."""

_TABLES = ("cost_records_local", "performance_records_local")
_STATED = datetime(2026, 11, 3, 4, 5, 6, 789_000, tzinfo=UTC)
_OF_ITS_OWN = "{stated:DateTime64(3, 'UTC')} AS created_at, 'stated' AS user_id"
_REDELIVERED = 1


def _times(ledger: Ledger) -> list[tuple[str, str, datetime]]:
    """When each record arrived as readers see it: the view, the span, the time."""
    return sorted(
        (view, str(row["span_id"]), cast("datetime", row["created_at"]))
        for view in ("cost_records", "performance_records")
        for row in ledger.query(f"SELECT span_id, created_at FROM {view}")  # noqa: S608 - a view of ours
    )


def _stored(ledger: Ledger, table: str = "cost_records_local") -> list[dict[str, object]]:
    """What the rows themselves say of their time, in ms since 1970; 0 where they say nothing."""
    times = "toUnixTimestamp64Milli(created_at) AS created_ms, toUnixTimestamp64Milli(arrived_at) AS arrived_ms"
    return ledger.query(f"SELECT {times}, version FROM {table}")  # noqa: S608 - a table of ours


def _merge(ledger: Ledger) -> None:
    for table in _TABLES:
        ledger.command(f"OPTIMIZE TABLE {table} FINAL")


@dataclass(frozen=True)
class _Aged:
    """A ledger that was filled before arrivals stopped saying their time twice, and what it said then."""

    ledger: Ledger
    times: list[tuple[str, str, datetime]]
    rebuilt_since: int


def _fill(ledger: Ledger) -> None:
    """Arrivals, one of them twice, a decision of the rater's, a re-priced record, and a row with a time of its own."""
    arrive(ledger, _REDELIVERED, chat() | _STEP)
    arrive(ledger, _REDELIVERED, _AGAIN)
    arrive(ledger, 2, transcription() | _STEP, day=1)
    arrive(ledger, 3, chat())
    arrive(ledger, 4, _FOREIGN, trace=9)
    Rater(ledger, Calculator(PriceBook.built_in())).rate_pending()
    _insert_changed(ledger, "{repriced:Int64} AS version, toDecimal128(5, 12) AS total_cost", {"repriced": ROUND})
    _insert_changed(ledger, f"-1 AS version, {_OF_ITS_OWN}", {"stated": _STATED})


def _insert_changed(ledger: Ledger, columns: str, parameters: dict[str, object]) -> None:
    """Insert the rows of the third span once more, with other columns."""
    ledger.command(
        f"INSERT INTO cost_records_local SELECT * REPLACE ({columns}) FROM cost_records_local"  # noqa: S608 - ours
        " WHERE span_id = toFixedString(unhex({span:String}), 8)",
        parameters | {"span": f"{3:016x}"},
    )


@pytest.fixture(scope="module")
def aged(migrated_ledger: Ledger) -> Iterator[_Aged]:
    """Filled, summed up, and only then brought up to date."""
    ledger = BesideLedger(replace(migrated_ledger.dsn, database="aged"))
    migrate(ledger, known_migrations()[:18])
    _fill(ledger)
    worker = RollupWorker(ledger, quiet_seconds=0)
    while worker.rebuild():
        pass
    times = _times(ledger)
    migrate(ledger)
    again = RollupWorker(ledger, quiet_seconds=0)
    again.rebuild()
    yield _Aged(ledger, times, again.rebuilt)
    ledger.command("DROP DATABASE aged SYNC")
    ledger.close()


def test_what_arrived_before_keeps_its_time(aged: _Aged) -> None:
    """Arrivals, decisions, re-priced records and rows that say a time of their own show it as before, merged or not."""
    assert len(aged.times) == 7
    assert _STATED in [at for _, _, at in aged.times]
    assert _times(aged.ledger) == aged.times

    _merge(aged.ledger)

    assert _times(aged.ledger) == aged.times


def test_no_sum_is_made_again(aged: _Aged) -> None:
    """The migration changes no part, so nothing that was summed up is out of date."""
    assert aged.rebuilt_since == 0
    assert aged.ledger.query("SELECT count() AS n FROM system.mutations WHERE database = 'aged'") == [{"n": 0}]


def test_a_span_from_before_that_comes_again_keeps_its_time(aged: _Aged) -> None:
    """The earlier arrival counts, whichever of the two rows says its time."""
    arrive(aged.ledger, _REDELIVERED, _AGAIN | {"user.name": "Ann"})

    assert _times(aged.ledger) == aged.times


@pytest.mark.parametrize("table", _TABLES)
def test_an_arrival_says_its_time_once(ledger: Ledger, table: str) -> None:
    """The row's version is the negated time, nothing else is stored, and readers are shown that time."""
    [before] = ledger.query("SELECT toUnixTimestamp64Milli(now64(3)) AS ms")
    arrive(ledger, 1, chat() | _STEP)
    [after] = ledger.query("SELECT toUnixTimestamp64Milli(now64(3)) AS ms")

    [row] = _stored(ledger, table)

    assert row == {"created_ms": 0, "arrived_ms": row["arrived_ms"], "version": -int(str(row["arrived_ms"]))}
    assert int(str(before["ms"])) <= int(str(row["arrived_ms"])) <= int(str(after["ms"]))
    assert {round(at.timestamp() * 1000) for _, _, at in _times(ledger)} >= {row["arrived_ms"]}


def test_a_span_that_comes_again_keeps_its_time(ledger: Ledger) -> None:
    """The first arrival counts, merged or not."""
    arrive(ledger, 1, chat() | _STEP)
    first = _times(ledger)

    arrive(ledger, 1, _AGAIN)
    again = _times(ledger)
    _merge(ledger)

    assert again == first
    assert _times(ledger) == first


def test_what_is_decided_later_stores_the_time_of_the_arrival(ledger: Ledger, tmp_path: Path) -> None:
    """A re-pricing, its undoing and the rater say in their rows when the span arrived, since their version does not."""
    (tmp_path / "prices.toml").write_text(NEW_PRICES)
    book = PriceBook.with_overrides(tmp_path / "prices.toml")
    repricer = Repricer(ledger, book, Calculator(book))
    arrive(ledger, 1, chat())
    arrive(ledger, 2, _FOREIGN, trace=9)
    Rater(ledger, Calculator(PriceBook.built_in())).rate_pending()
    [arrived] = ledger.query(
        "SELECT toUnixTimestamp64Milli(created_at) AS ms FROM usage_spans_local WHERE is_priced = 0"
    )
    first = _times(ledger)

    batch = repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")
    repriced = _times(ledger)
    repricer.undo(batch.batch_id, reason="", by="ann")
    _merge(ledger)

    assert repriced == first
    assert _times(ledger) == first
    assert arrived["ms"] in [row["created_ms"] for row in _stored(ledger)]
    assert all(row["created_ms"] == row["arrived_ms"] != 0 for row in _stored(ledger))


def test_a_row_that_says_its_time_is_believed(ledger: Ledger) -> None:
    """As older programs wrote it, or whoever inserts rows, so that a copy of their ledger says the same."""
    arrive(ledger, 3, chat())

    _insert_changed(ledger, _OF_ITS_OWN, {"stated": _STATED})

    shown = ledger.query("SELECT created_at FROM cost_records WHERE user_id = 'stated'")
    assert shown == [{"created_at": _STATED}]


def test_the_newest_arrival_of_a_day_is_the_latest_time_shown(ledger: Ledger) -> None:
    """How fresh the ledger is follows the records of both kinds, also when one is decided about later."""
    arrive(ledger, 1, chat())
    arrive(ledger, 2, _FOREIGN, trace=9)
    Rater(ledger, Calculator(PriceBook.built_in())).rate_pending()

    def newest() -> list[dict[str, object]]:
        return ledger.query("SELECT max(arrived) AS at FROM arrivals")

    assert newest() == ledger.query("SELECT max(created_at) AS at FROM cost_records")
    arrive(ledger, 3, _STEP)
    assert newest() == ledger.query("SELECT max(created_at) AS at FROM performance_records")

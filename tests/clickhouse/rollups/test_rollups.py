"""Rollups hold what the records say, know when they no longer do, and leave the rest to the records."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import TYPE_CHECKING

import pytest

from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.rollups import RollupWorker, Source, plan_reading, snapshot
from spanledger_clickhouse.rollups.changes import HOUR_NS, Changes, read_changes
from tests.api.spans import Span, store
from tests.statements import statements

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from spanledger_clickhouse.rollups import ReadingPlan

FIRST = datetime(2026, 3, 10, tzinfo=UTC)
DAY_NS = 24 * HOUR_NS


def nanoseconds(moment: datetime) -> int:
    """Since 1970 UTC."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def hourly_spans(days: int) -> list[Span]:
    """A paid span and step every hour."""
    return [
        Span(start=FIRST + timedelta(hours=hour, minutes=30), service="s3", cost=Decimal(hour), task="t", step="s")
        for hour in range(24 * days)
    ]


def plan(ledger: Ledger, start: datetime, end: datetime | None = None) -> ReadingPlan:
    """What a question about cost in a window is answered from, where it tells no times apart."""
    window = (nanoseconds(start), None if end is None else nanoseconds(end))
    return plan_reading(ledger, Source.COST, window)


def rolled_up(ledger: Ledger, read: ReadingPlan) -> tuple[object, object]:
    """Cost and number of records in the generations of a plan."""
    (row,) = ledger.query(
        "SELECT sum(cost) AS cost, sum(records) AS records FROM rollup_activity_local"
        " WHERE generation IN {generations:Array(UInt64)}",
        {"generations": list(read.generations)},
    )
    return row["cost"], row["records"]


@pytest.fixture
def worker(ledger: Ledger) -> RollupWorker:
    """A worker that sums up whatever changed at once, on an empty ledger."""
    return RollupWorker(ledger, quiet_seconds=0)


def test_nothing_is_taken_from_rollups_before_a_worker_has_begun(ledger: Ledger) -> None:
    """A ledger on which no worker has run is read from its records."""
    store(ledger, hourly_spans(1))

    assert plan(ledger, FIRST).stretches is None


def test_a_closed_day_is_one_generation_that_holds_its_records(ledger: Ledger, worker: RollupWorker) -> None:
    """A day that has ended is read as a whole, and its sums are those of its records."""
    store(ledger, hourly_spans(2))
    worker.rebuild()

    read = plan(ledger, FIRST)

    assert len(read.generations) == 2
    assert read.stretches == ()
    assert rolled_up(ledger, read) == (Decimal(sum(range(48))), 48)


def test_hours_and_records_fill_a_window_that_cuts_days(ledger: Ledger, worker: RollupWorker) -> None:
    """Of a day that the window cuts, whole hours are taken from rollups and what is left from the records."""
    store(ledger, hourly_spans(2))
    worker.rebuild()

    read = plan(ledger, FIRST + timedelta(hours=22, minutes=15), FIRST + timedelta(days=1, hours=1))

    assert len(read.generations) == 2
    assert read.stretches == ((nanoseconds(FIRST) + 22 * HOUR_NS + HOUR_NS // 4, nanoseconds(FIRST) + 23 * HOUR_NS),)


def test_a_late_span_sends_readers_to_the_records_of_its_hour_at_once(ledger: Ledger, worker: RollupWorker) -> None:
    """From the moment a late span is stored until its hour is summed up anew, that hour is read from the records."""
    store(ledger, hourly_spans(2))
    worker.rebuild()
    store(ledger, [Span(start=FIRST + timedelta(hours=5), service="s3", cost=Decimal(1000))])

    late = plan(ledger, FIRST)
    worker.rebuild()
    later = plan(ledger, FIRST)

    assert late.stretches == ((nanoseconds(FIRST) + 5 * HOUR_NS, nanoseconds(FIRST) + 6 * HOUR_NS),)
    assert later.stretches == ()
    assert rolled_up(ledger, later) == (Decimal(sum(range(48)) + 1000), 49)


def test_buckets_of_a_width_are_added_up_together(ledger: Ledger, worker: RollupWorker) -> None:
    """A day becomes six buckets of four hours by one statement a rollup, each a generation of its own sums."""
    store(ledger, hourly_spans(1))
    with statements() as asked:
        worker.rebuild()

    rows = ledger.query(
        "SELECT sum(cost) AS cost FROM rollup_activity_local WHERE generation IN"
        " (SELECT generation FROM rollup_pointers_local WHERE width = 4) GROUP BY generation"
        " ORDER BY cost"
    )
    inserted = [sql for sql in asked if sql.startswith("INSERT INTO rollup_activity_local")]

    assert [row["cost"] for row in rows] == [Decimal(sum(range(first, first + 4))) for first in range(0, 24, 4)]
    assert len(inserted) == 5  # an hour, four hours, a day, four days and sixteen


def test_a_merge_hides_no_change(ledger: Ledger, worker: RollupWorker) -> None:
    """A change is seen although its part was merged with parts that were summed up long ago."""
    store(ledger, hourly_spans(2))
    worker.rebuild()
    store(ledger, [Span(start=FIRST + timedelta(hours=5), service="s3", cost=Decimal(1000))])
    ledger.command("OPTIMIZE TABLE cost_records_local FINAL")

    assert plan(ledger, FIRST).stretches == ((nanoseconds(FIRST) + 5 * HOUR_NS, nanoseconds(FIRST) + 6 * HOUR_NS),)


def test_a_deletion_is_a_change(ledger: Ledger, worker: RollupWorker) -> None:
    """Records that a mutation removed are missing from the sums too."""
    store(ledger, hourly_spans(1))
    worker.rebuild()
    ledger.command("ALTER TABLE cost_records_local DELETE WHERE total_cost = 7 SETTINGS mutations_sync = 2")

    assert plan(ledger, FIRST).generations == ()
    worker.rebuild()

    assert rolled_up(ledger, plan(ledger, FIRST)) == (Decimal(sum(range(24)) - 7), 23)


def test_a_decision_about_an_old_record_is_a_change(ledger: Ledger, worker: RollupWorker) -> None:
    """A new version of a record replaces it in the sums, and a record found to repeat another leaves them."""
    store(ledger, hourly_spans(1))
    worker.rebuild()
    for condition, columns in (("total_cost = 7", "100 AS total_cost"), ("total_cost = 8", "1 AS is_deleted")):
        ledger.command(
            f"INSERT INTO cost_records_local SELECT * REPLACE (1 AS version, {columns})"  # noqa: S608 - fixed texts
            f" FROM (SELECT * FROM cost_records_local FINAL WHERE {condition})"
        )

    worker.rebuild()

    assert rolled_up(ledger, plan(ledger, FIRST)) == (Decimal(sum(range(24)) - 7 - 8 + 100), 23)


def test_a_generation_counts_only_once_its_pointer_is_written(
    ledger: Ledger, worker: RollupWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a rebuild left behind when it was cut off is as if it were not there."""
    store(ledger, hourly_spans(1))
    with monkeypatch.context() as cut_off:
        cut_off.setattr("spanledger_clickhouse.rollups.pointers.Pointers.point", _fail)
        with pytest.raises(RuntimeError):
            worker.rebuild()
    orphans = ledger.query("SELECT count() AS rows FROM rollup_activity_local")

    before = plan(ledger, FIRST)
    worker.rebuild()

    assert orphans == [{"rows": 24}]
    assert before.generations == ()
    assert rolled_up(ledger, plan(ledger, FIRST)) == (Decimal(sum(range(24))), 24)


def _fail(*_arguments: object) -> None:
    message = "cut off"
    raise RuntimeError(message)


def test_a_table_that_counts_its_blocks_anew_is_read_from_its_records(ledger: Ledger, worker: RollupWorker) -> None:
    """Marks that speak of blocks which the table does not have are forgotten, and everything is summed up anew."""
    store(ledger, hourly_spans(1))
    worker.rebuild()
    ledger.command(
        "INSERT INTO rollup_progress_local SELECT source, table_id, accounted + 1000 FROM rollup_progress_local"
    )

    assert plan(ledger, FIRST).stretches is None
    worker.rebuild()
    worker.rebuild()

    assert rolled_up(ledger, plan(ledger, FIRST)) == (Decimal(sum(range(24))), 24)


def test_an_hour_that_changed_just_now_is_left_alone(ledger: Ledger) -> None:
    """A worker does not sum an hour up while it keeps changing."""
    store(ledger, hourly_spans(1))

    assert RollupWorker(ledger, quiet_seconds=3600).rebuild() == 0
    assert plan(ledger, FIRST).generations == ()


def test_a_worker_that_is_stopping_leaves_the_rest(ledger: Ledger) -> None:
    """A pass ends after the day that it is at, and what it leaves is made another time."""
    store(ledger, hourly_spans(3))

    RollupWorker(ledger, quiet_seconds=0, is_stopping=lambda: True).rebuild()
    left = plan(ledger, FIRST)
    RollupWorker(ledger, quiet_seconds=0).rebuild()

    assert left.stretches == ((nanoseconds(FIRST), nanoseconds(FIRST) + 2 * DAY_NS),)
    assert plan(ledger, FIRST).stretches == ()


def test_what_changed_is_read_once_for_all_who_ask_at_once(
    ledger: Ledger, worker: RollupWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers wait for the one who found out that something arrived, and are told the same."""
    store(ledger, hourly_spans(1))
    while worker.rebuild():
        pass
    settled = plan(ledger, FIRST)
    store(ledger, hourly_spans(1))
    looks, read, everybody_looked, query = list[str](), list[int](), Event(), Ledger.query

    def noting_query(self: Ledger, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        rows = query(self, sql, parameters)
        if "FROM system.parts" in sql:
            looks.append(sql)
        if len(looks) == 4:
            everybody_looked.set()
        return rows

    def waiting_read(ledger: Ledger, source: Source, accounted: int, sliced: Collection[int]) -> Changes:
        assert everybody_looked.wait(30)
        read.append(accounted)
        return read_changes(ledger, source, accounted, sliced)

    monkeypatch.setattr(Ledger, "query", noting_query)
    monkeypatch.setattr(snapshot, "read_changes", waiting_read)
    with ThreadPoolExecutor(4) as readers:
        plans = [each.result() for each in [readers.submit(plan, ledger, FIRST) for _ in range(4)]]

    assert plans == [plans[0]] * 4
    assert plans[0] != settled
    assert len(read) == 1


def test_what_readers_asked_for_is_read_before_a_pass_ends(ledger: Ledger, worker: RollupWorker) -> None:
    """After a pass that wrote, a reader need not read again what it knew of the buckets it asks for."""
    store(ledger, hourly_spans(1))
    while worker.rebuild():
        pass
    noon = FIRST + timedelta(hours=12)
    plan(ledger, noon)
    store(ledger, hourly_spans(1))
    before = plan(ledger, noon)
    while worker.rebuild():
        pass

    with statements() as asked:
        after = plan(ledger, noon)

    assert asked == []
    assert (before.stretches, before.generations) != (after.stretches, after.generations)
    assert after.stretches == ()


def test_while_nothing_is_written_nothing_is_looked_at(ledger: Ledger, worker: RollupWorker) -> None:
    """A pass after the work is done asks for nothing, and what is written then is summed up in the next one."""
    store(ledger, hourly_spans(1))
    while worker.rebuild():
        pass
    worker.rebuild()
    with statements() as asked:
        assert worker.rebuild() == 0
    assert asked == []

    store(ledger, hourly_spans(1))

    assert worker.rebuild() > 0


def test_a_running_hour_is_looked_at_when_its_slices_may_be_due(ledger: Ledger) -> None:
    """While nothing is written a running hour is left alone for seconds, and then what is over by its time is made."""
    now = FIRST + timedelta(seconds=1)
    worker = RollupWorker(ledger, quiet_seconds=0, now_ns=lambda: nanoseconds(now))
    store(ledger, [Span(start=now, service="s3", cost=Decimal(1))])
    for _ in range(2):
        worker.rebuild()
    with statements() as asked:
        assert worker.rebuild() == 0
    assert asked == []

    now += timedelta(seconds=5)

    assert worker.rebuild() > 0

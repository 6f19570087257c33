"""The hour that is written to is summed up in slices: reports read only its last seconds from the records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger_clickhouse.rollups import RollupSweeper, RollupWorker, one_moment, verify_rollups
from spanledger_clickhouse.rollups.changes import HOUR_NS
from spanledger_clickhouse.rollups.slices import current_hours
from tests.api.spans import Span, store
from tests.clickhouse.rollups.test_rollups import nanoseconds, plan, rolled_up

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

HOUR = datetime(2026, 3, 10, 8, tzinfo=UTC)


class _Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = HOUR

    def now_ns(self) -> int:
        return nanoseconds(self.time)


def _spans(*seconds: float, cost: int = 1) -> list[Span]:
    return [Span(start=HOUR + timedelta(seconds=each), service="s3", cost=Decimal(cost)) for each in seconds]


@pytest.fixture
def clock() -> _Clock:
    """The worker's present: the beginning of the hour."""
    return _Clock()


@pytest.fixture
def readers_clock(clock: _Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers live in the worker's present."""

    def hours(_now_ns: int) -> range:
        return current_hours(clock.now_ns())

    monkeypatch.setattr("spanledger_clickhouse.rollups.snapshot.current_hours", hours)


@pytest.fixture
def worker(ledger: Ledger, clock: _Clock) -> RollupWorker:
    """A worker that sums up whatever is over at once, on an empty ledger."""
    return RollupWorker(ledger, quiet_seconds=0, now_ns=clock.now_ns)


def _rebuild(worker: RollupWorker) -> None:
    while worker.rebuild():
        pass


def test_a_running_hour_is_read_from_slices_up_to_the_last_seconds(
    ledger: Ledger, worker: RollupWorker, clock: _Clock
) -> None:
    """Slices that are over are taken from rollups, and only the slice that is running from the records."""
    store(ledger, _spans(0, 7, 1000, 1003))
    clock.time = HOUR + timedelta(seconds=1001)
    _rebuild(worker)

    read = plan(ledger, HOUR)

    assert read.stretches == ()
    assert read.recent == ((nanoseconds(HOUR) + 1_000_000_000_000, nanoseconds(HOUR) + 1_005_000_000_000),)
    assert rolled_up(ledger, read) == (Decimal(2), 2)


def test_all_parts_of_an_answer_are_planned_at_one_moment(ledger: Ledger, worker: RollupWorker, clock: _Clock) -> None:
    """What is stored while a question is answered changes the plan of the next question only."""
    store(ledger, _spans(0, 7, 700, 1000))
    clock.time = HOUR + timedelta(seconds=1500)
    _rebuild(worker)
    with one_moment(ledger):
        first = plan(ledger, HOUR)
        store(ledger, _spans(9))
        again = plan(ledger, HOUR)

    assert again == first
    assert plan(ledger, HOUR).recent != first.recent


def test_a_late_span_sends_readers_to_the_records_of_its_slice_at_once(
    ledger: Ledger, worker: RollupWorker, clock: _Clock
) -> None:
    """From the moment a span is stored until its slice is summed up anew, five seconds are read from the records."""
    store(ledger, _spans(0, 7, 700, 1000))
    clock.time = HOUR + timedelta(seconds=1500)
    _rebuild(worker)
    before = plan(ledger, HOUR)
    store(ledger, _spans(8))

    late = plan(ledger, HOUR)
    _rebuild(worker)
    later = plan(ledger, HOUR)

    assert before.recent == ()
    assert late.recent == ((nanoseconds(HOUR) + 5_000_000_000, nanoseconds(HOUR) + 10_000_000_000),)
    assert later.recent == ()
    assert rolled_up(ledger, later) == (Decimal(5), 5)


@pytest.mark.usefixtures("readers_clock")
def test_an_hour_that_began_since_the_last_pass_is_read_in_slices_too(
    ledger: Ledger, worker: RollupWorker, clock: _Clock
) -> None:
    """Until the worker has looked at a new hour, its slices are read from the records, and not the day."""
    store(ledger, _spans(7, 3500))
    clock.time = HOUR + timedelta(seconds=3599)
    _rebuild(worker)
    clock.time = HOUR + timedelta(seconds=3603)
    store(ledger, _spans(3601, 3602))

    read = plan(ledger, HOUR)

    assert read.stretches == ()
    assert read.recent == ((nanoseconds(HOUR) + HOUR_NS, nanoseconds(HOUR) + HOUR_NS + 5_000_000_000),)
    assert rolled_up(ledger, read) == (Decimal(2), 2)


@pytest.mark.usefixtures("readers_clock")
def test_a_new_hour_with_a_record_that_may_come_again_elsewhere_is_read_whole(
    ledger: Ledger, worker: RollupWorker, clock: _Clock
) -> None:
    """The same record with a start in the last hour and one in the new hour is counted once."""
    first = Span(
        start=HOUR + timedelta(seconds=3500), service="google_video_ai", cost=Decimal(3), scope="spanledger.outcomes"
    )
    store(ledger, [first])
    clock.time = HOUR + timedelta(seconds=3599)
    _rebuild(worker)
    clock.time = HOUR + timedelta(seconds=3603)
    store(ledger, [replace(first, start=HOUR + timedelta(seconds=3601))])

    read = plan(ledger, HOUR)

    assert read.recent == ()
    assert rolled_up(ledger, read) == (Decimal(3), 1)


def test_slices_are_added_up_to_few_buckets(ledger: Ledger, worker: RollupWorker, clock: _Clock) -> None:
    """Forty minutes of spans every second are four buckets of ten minutes, not four hundred and eighty slices."""
    store(ledger, _spans(*range(0, 2400, 3)))
    clock.time = HOUR + timedelta(seconds=2400)
    _rebuild(worker)

    read = plan(ledger, HOUR)

    assert (len(read.generations), read.recent) == (4, ())
    assert rolled_up(ledger, read) == (Decimal(800), 800)


def test_an_hour_becomes_one_generation_some_time_after_its_end(
    ledger: Ledger, worker: RollupWorker, clock: _Clock
) -> None:
    """The hour is added up from its slices, equals its records, and its slices are swept away."""
    store(ledger, _spans(*range(0, 3600, 60)))
    clock.time = HOUR + timedelta(seconds=3601)
    _rebuild(worker)
    sliced = plan(ledger, HOUR)
    clock.time = HOUR + timedelta(seconds=4200)
    _rebuild(worker)

    closed = plan(ledger, HOUR)
    RollupSweeper(ledger, grace_seconds=0).sweep()

    assert (len(sliced.generations), len(closed.generations)) == (6, 1)
    assert rolled_up(ledger, closed) == rolled_up(ledger, plan(ledger, HOUR)) == (Decimal(60), 60)
    assert rolled_up(ledger, sliced) == (Decimal(0), 0)
    assert verify_rollups(ledger, HOUR, HOUR + timedelta(days=1)) == []


def test_slices_that_count_are_not_swept_away(ledger: Ledger, worker: RollupWorker, clock: _Clock) -> None:
    """What a report may still read of a running hour stays."""
    store(ledger, _spans(0, 7))
    clock.time = HOUR + timedelta(seconds=30)
    _rebuild(worker)

    RollupSweeper(ledger, grace_seconds=0).sweep()

    assert rolled_up(ledger, plan(ledger, HOUR)) == (Decimal(2), 2)


def test_a_deletion_in_a_running_hour_is_a_change(ledger: Ledger, worker: RollupWorker, clock: _Clock) -> None:
    """Records that a mutation removed are missing from the slices too, and a slice that it emptied is not read."""
    store(ledger, [*_spans(0, 7), *_spans(8, 20, cost=5)])
    clock.time = HOUR + timedelta(seconds=30)
    _rebuild(worker)
    ledger.command("ALTER TABLE cost_records_local DELETE WHERE total_cost = 5 SETTINGS mutations_sync = 2")

    assert plan(ledger, HOUR).generations == ()
    _rebuild(worker)

    assert rolled_up(ledger, plan(ledger, HOUR)) == (Decimal(2), 2)


def test_spans_of_an_hour_that_was_closed_are_late_as_ever(ledger: Ledger, worker: RollupWorker, clock: _Clock) -> None:
    """After an hour became one generation a late span has the whole hour read from the records, and summed up anew."""
    store(ledger, _spans(0, 7))
    clock.time = HOUR + timedelta(seconds=4300)
    _rebuild(worker)
    store(ledger, _spans(8))

    late = plan(ledger, HOUR)
    _rebuild(worker)

    assert (late.generations, late.recent) == ((), ())
    assert late.stretches == ((nanoseconds(HOUR), nanoseconds(HOUR) + HOUR_NS),)
    assert rolled_up(ledger, plan(ledger, HOUR)) == (Decimal(3), 3)


def test_a_worker_that_was_away_for_the_hour_sums_it_up_as_a_whole(ledger: Ledger, clock: _Clock) -> None:
    """What was left of slices when a worker stopped is no obstacle to one that comes up much later."""
    store(ledger, _spans(0, 7))
    clock.time = HOUR + timedelta(seconds=8)
    _rebuild(RollupWorker(ledger, quiet_seconds=0, now_ns=clock.now_ns))
    store(ledger, _spans(300))
    clock.time = HOUR + timedelta(hours=9)
    _rebuild(RollupWorker(ledger, quiet_seconds=0, now_ns=clock.now_ns))

    read = plan(ledger, HOUR)

    assert (len(read.generations), read.stretches, read.recent) == (1, (), ())
    assert rolled_up(ledger, read) == (Decimal(3), 3)


def test_an_hour_with_a_record_that_may_come_again_elsewhere_has_no_slices(
    ledger: Ledger, worker: RollupWorker, clock: _Clock
) -> None:
    """The same record with another start on the same day is counted once, before and after the hours are summed up."""
    first = Span(
        start=HOUR + timedelta(seconds=7), service="google_video_ai", cost=Decimal(3), scope="spanledger.outcomes"
    )
    clock.time = HOUR + timedelta(seconds=3900)
    store(ledger, [first])
    store(ledger, [replace(first, start=HOUR + timedelta(seconds=3700))])
    _rebuild(worker)

    read = plan(ledger, HOUR)

    assert read.recent == ()
    assert rolled_up(ledger, read) == (Decimal(3), 1)


def test_no_source_waits_for_another(
    ledger: Ledger, worker: RollupWorker, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long costs take, each pass goes on with the steps too, until all is summed up."""
    monkeypatch.setattr("spanledger_clickhouse.rollups.worker._PASS_SECONDS", 0.0)
    clock.time = HOUR + timedelta(days=5)
    days = [HOUR + timedelta(days=day) for day in range(3)]
    store(ledger, [Span(start=day, service="s3", cost=Decimal(1), task="t", step="s") for day in days])

    _rebuild(worker)

    assert ledger.query("SELECT uniqExact(started_at) AS days FROM rollup_steps_local") != [{"days": 0}]
    assert worker.rebuild() == 0
    assert rolled_up(ledger, plan(ledger, HOUR)) == (Decimal(3), 3)

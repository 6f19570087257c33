"""While many spans arrive, questions are answered as of a moment that a worker published."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from spanledger_clickhouse.background_ledger import BackgroundLedger
from spanledger_clickhouse.bounded_ledger import BoundedLedger
from spanledger_clickhouse.rollups import (
    RollupWorker,
    arrivals_now,
    keep_up,
    moment,
    one_moment,
    recollection,
    verify_rollups,
)
from spanledger_clickhouse.shared_answers import SharedAnswers
from tests.api.spans import store
from tests.clickhouse.rollups.test_recollection import HOUR, counted, recounted, remembering_at, span_at
from tests.clickhouse.rollups.test_rollups import nanoseconds, plan
from tests.statements import statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture
def worker(ledger: Ledger) -> RollupWorker:
    """A worker that sums up whatever is over, a quarter of an hour after the hour began."""
    return RollupWorker(ledger, quiet_seconds=0, now_ns=lambda: nanoseconds(HOUR + timedelta(seconds=900)))


@pytest.fixture
def published(ledger: Ledger, worker: RollupWorker) -> Iterator[tuple[Decimal, int]]:
    """What a report said of the moment that was published last."""
    store(ledger, [span_at(7)])
    while worker.rebuild():
        pass
    with remembering_at(900), mock.patch.object(moment, "_MOST_SECONDS", 600):
        store(ledger, [span_at(899, 2)])
        told = counted(ledger)
        keep_up(ledger)
        yield told


def test_a_question_finds_out_nothing_that_is_published(ledger: Ledger, published: tuple[Decimal, int]) -> None:
    """What a load brought since is not looked at; the answer holds what the moment holds."""
    store(ledger, [span_at(898, 4)])
    with one_moment(ledger), statements() as asked:
        found = counted(ledger)

    assert found == published == (Decimal(3), 2)
    assert [words for words in asked if "system.parts" in words or "_block_number" in words] == []


def test_a_published_moment_is_soon_over(ledger: Ledger, published: tuple[Decimal, int]) -> None:
    """After a fraction of a second questions find out for themselves again what there is."""
    store(ledger, [span_at(898, 4)])
    with mock.patch.object(moment, "_MOST_SECONDS", -1), one_moment(ledger):
        assert counted(ledger) == (published[0] + 4, published[1] + 1)


def test_nobody_is_answered_as_of_before_what_somebody_was_told(ledger: Ledger, published: tuple[Decimal, int]) -> None:
    """Once an answer held a record, or said when it arrived, every later answer holds it."""
    store(ledger, [span_at(898, 4)])
    told = counted(ledger)
    with one_moment(ledger):
        after_an_answer = counted(ledger)
    keep_up(ledger)
    store(ledger, [span_at(897, 8)])
    newest = arrivals_now(ledger)
    with one_moment(ledger):
        assert arrivals_now(ledger) == newest
        after_the_time = counted(ledger)

    assert told == after_an_answer == (published[0] + 4, published[1] + 1)
    assert after_the_time == (published[0] + 12, published[1] + 2)


def test_what_tells_how_new_the_ledger_is_is_of_the_same_moment(ledger: Ledger, published: tuple[Decimal, int]) -> None:
    """The time of the newest record is that of the newest record in the answer."""
    with one_moment(ledger):
        before = arrivals_now(ledger)
    store(ledger, [span_at(898, 4)])
    with one_moment(ledger):
        assert (arrivals_now(ledger), counted(ledger)) == (before, published)


def test_a_write_that_is_done_is_in_every_answer(ledger: Ledger, published: tuple[Decimal, int]) -> None:
    """Whoever changed records through the API finds the change in the next report."""
    bounded = BoundedLedger(ledger, SharedAnswers(nullcontext))
    bounded.command(
        "INSERT INTO cost_records_local SELECT * REPLACE (toDecimal128(7, 12) AS total_cost, 1 AS version)"
        " FROM cost_records_local FINAL WHERE toSecond(started_at) = 59"
    )
    with one_moment(ledger):
        assert counted(ledger) == recounted(ledger) == (published[0] + 5, published[1])


def test_a_reader_of_some_rows_is_told_nothing_of_all_rows(ledger: Ledger, published: tuple[Decimal, int]) -> None:
    """What is known of the whole ledger is no answer for somebody who may see a part of it."""
    hiding = BoundedLedger(ledger, SharedAnswers(nullcontext), {"cost_records_local": "0", "arrivals_local": "0"})
    with one_moment(hiding):
        assert arrivals_now(hiding).arrived_ms == 0
        assert published != recounted(hiding) == (Decimal(0), 0)


def test_workers_go_by_what_there_is(ledger: Ledger, worker: RollupWorker, published: tuple[Decimal, int]) -> None:
    """What is summed up and verified is what the tables hold, and does not outdate what readers are answered from."""
    with one_moment(ledger):
        before = plan(ledger, HOUR)
    store(ledger, [span_at(8, 4), span_at(898, 8)])
    assert counted(BackgroundLedger(ledger)) == (published[0] + 12, published[1] + 2)
    with one_moment(ledger):
        assert counted(ledger) == published
    worker.rebuild()

    assert verify_rollups(ledger, HOUR, HOUR + timedelta(days=1)) == []
    with one_moment(ledger):
        assert plan(ledger, HOUR) == before


def test_nothing_is_published_of_records_that_cannot_be_kept(ledger: Ledger, published: tuple[Decimal, int]) -> None:
    """A record that came twice ends the memory, and questions read the table."""
    span = span_at(898, 4)
    ledger.command("SYSTEM STOP MERGES cost_records_local")
    try:
        store(ledger, [span])
        keep_up(ledger)
        store(ledger, [span, span_at(897, 8)])
        with mock.patch.object(recollection, "publish") as publishing:
            keep_up(ledger)
        with one_moment(ledger):
            found = counted(ledger)
    finally:
        ledger.command("SYSTEM START MERGES cost_records_local")

    assert not publishing.called
    assert found == (published[0] + 12, published[1] + 2)

"""Rollups are compared with the records, and what differs is made anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger_clickhouse.retention import Retention, apply_retention, read_retention
from spanledger_clickhouse.rollups import (
    RollupSweeper,
    RollupVerifier,
    RollupWorker,
    Source,
    plan_reading,
    verify_rollups,
)
from tests.api.spans import Span, store
from tests.clickhouse.rollups.test_rollups import FIRST, hourly_spans, plan, rolled_up

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

LAST = FIRST + timedelta(days=30)


@pytest.fixture
def worker(ledger: Ledger) -> RollupWorker:
    """A worker that sums up whatever changed at once, on an empty ledger."""
    return RollupWorker(ledger, quiet_seconds=0)


def test_sums_that_are_right_are_no_mismatch(ledger: Ledger, worker: RollupWorker) -> None:
    """Every width of every rollup equals its records, late spans and repeats included."""
    spans = hourly_spans(7)  # the widest bucket, of sixteen days, is compared with its last day, the sixth of these
    store(ledger, spans)
    worker.rebuild()
    store(ledger, [*spans[:5], Span(start=FIRST, service="s3", cost=Decimal(1))])

    assert verify_rollups(ledger, FIRST, LAST) == []
    worker.rebuild()

    assert verify_rollups(ledger, FIRST, LAST) == []


def test_a_wrong_sum_is_found_and_made_anew(ledger: Ledger, worker: RollupWorker) -> None:
    """A row that stands in the sums twice is a mismatch of its bucket; after a round of the verifier it is right."""
    store(ledger, hourly_spans(2))
    worker.rebuild()
    wrong = plan(ledger, FIRST).generations[0]
    ledger.command(
        "INSERT INTO rollup_activity_local"
        " SELECT * FROM rollup_activity_local WHERE generation = {wrong:UInt64} LIMIT 1",
        {"wrong": wrong},
    )

    found = verify_rollups(ledger, FIRST, LAST)
    verifier = RollupVerifier(ledger)
    for _ in range(3):
        verifier.verify_next()
    worker.rebuild()

    assert [(each.table, each.hours, each.generation) for each in found] == [("rollup_activity_local", 24, wrong)]
    assert (verifier.checked, verifier.mismatches) == (2, 1)
    assert rolled_up(ledger, plan(ledger, FIRST)) == (Decimal(sum(range(48))), 48)
    assert verify_rollups(ledger, FIRST, LAST) == []


def test_what_no_longer_counts_is_removed_after_a_while(ledger: Ledger, worker: RollupWorker) -> None:
    """Replaced generations go once their grace is over, and reports read what they did before."""
    store(ledger, hourly_spans(1))
    worker.rebuild()
    store(ledger, [Span(start=FIRST, service="s3", cost=Decimal(1))])
    worker.rebuild()
    patient, impatient = RollupSweeper(ledger), RollupSweeper(ledger, grace_seconds=0)

    patient.sweep()
    impatient.sweep()

    assert (patient.removed, impatient.removed > 0) == (0, True)
    assert verify_rollups(ledger, FIRST, LAST) == []
    assert rolled_up(ledger, plan(ledger, FIRST)) == (Decimal(sum(range(24)) + 1), 25)


def test_records_that_expired_are_no_mismatch(ledger: Ledger, worker: RollupWorker) -> None:
    """A part that retention drops leaves sums behind; the verifier has them made anew and counts nothing."""
    before = read_retention(ledger)
    start = datetime.now(UTC) - timedelta(days=100)
    apply_retention(ledger, [Retention("performance_records", 30)])
    ledger.command("SYSTEM STOP TTL MERGES performance_records_local")
    try:
        store(ledger, [Span(start=start, task="t", step="s")])
        store(ledger, [Span(task="t", step="s", start=datetime.now(UTC))])
        while worker.rebuild():
            pass
        summed_up = ledger.query("SELECT count() AS rows FROM rollup_steps_local")
        # As the engine does it in the background: whole parts, no mutation.
        ledger.command(f"ALTER TABLE performance_records_local DROP PARTITION {start:%Y%m}")
        known = _runs(ledger, worker, start)
        found = verify_rollups(ledger, start - timedelta(days=1), datetime.now(UTC) + timedelta(days=1))
        verifier = RollupVerifier(ledger)
        for _ in range(3):
            verifier.verify_next()
        repaired = _runs(ledger, worker, start)
    finally:
        ledger.command("SYSTEM START TTL MERGES performance_records_local")
        apply_retention(ledger, before)

    assert summed_up != [{"rows": 0}]
    assert (known, repaired) == (True, False)
    assert (found, verifier.mismatches) == ([], 0)


def _runs(ledger: Ledger, worker: RollupWorker, start: datetime) -> bool:
    """Whether sums that count still hold runs of a day, after everything was made that is due."""
    while worker.rebuild():
        pass
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first = (start - epoch) // timedelta(days=1) * 86_400 * 10**9
    reading = plan_reading(ledger, Source.PERFORMANCE, (first, first + 86_400 * 10**9))
    rows = ledger.query(
        "SELECT count() AS rows FROM rollup_steps_local WHERE generation IN {counting:Array(UInt64)}",
        {"counting": list(reading.generations)},
    )
    return rows != [{"rows": 0}]

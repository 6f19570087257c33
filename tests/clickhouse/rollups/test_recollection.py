"""The records of the last seconds are kept in memory while many arrive, and are exact whatever happens to them."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast
from unittest import mock
from weakref import WeakKeyDictionary

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.rollups import (
    RollupWorker,
    Source,
    ask_recent,
    keep_up,
    one_moment,
    recent_records_within,
    recollection,
)
from spanledger_clickhouse.rollups.changes import HOUR_NS
from spanledger_clickhouse.rollups.slices import current_hours
from tests.api.exactness import empty
from tests.api.spans import Span, store
from tests.clickhouse.rollups.test_rollups import nanoseconds, plan, rolled_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.rollups import Records

HOUR = datetime(2026, 3, 10, 8, tzinfo=UTC)
_ROLLUPS = "spanledger_clickhouse.rollups"


def span_at(second: float, cost: int = 1) -> Span:
    """A span of the hour, so many seconds after it began, that cost so many dollars."""
    return Span(start=HOUR + timedelta(seconds=second), service="s3", cost=Decimal(cost))


def remembering_at(second: float) -> ExitStack:
    """Let it be so many seconds after the hour, and few records be worth keeping; nothing is remembered yet."""
    patched = ExitStack()
    now_ns = nanoseconds(HOUR + timedelta(seconds=second))
    patched.enter_context(mock.patch(f"{_ROLLUPS}.snapshot.current_hours", return_value=current_hours(now_ns)))
    patched.enter_context(mock.patch(f"{_ROLLUPS}.recollection._MANY", 0))
    patched.enter_context(mock.patch(f"{_ROLLUPS}.recollection._memories", WeakKeyDictionary[Ledger, object]()))
    patched.enter_context(mock.patch(f"{_ROLLUPS}.recollection._LATELY_NS", 10_000 * HOUR_NS))
    patched.enter_context(mock.patch(f"{_ROLLUPS}.moment._published", WeakKeyDictionary[Ledger, object]()))
    patched.enter_context(mock.patch(f"{_ROLLUPS}.moment._told", WeakKeyDictionary[Ledger, object]()))
    patched.enter_context(mock.patch(f"{_ROLLUPS}.distinct._wary_until", WeakKeyDictionary[Ledger, float]()))
    return patched


def counted(ledger: Ledger, asked: list[str] | None = None) -> tuple[Decimal, int]:
    """Cost and number of the hour's records, as a report reads them."""
    read = plan(ledger, HOUR)
    if read.stretches is None or read.stretches:
        return recounted(ledger)
    within, edges = recent_records_within(read.recent) if read.recent else ("0", {})

    def ask(records: Records) -> tuple[Decimal, int]:
        words = records(Source.COST, within)
        if asked is not None:
            asked.append(words)
        (row,) = ledger.query(f"SELECT sum(total_cost) AS cost, count() AS records FROM {words}", edges)  # noqa: S608 - the words under test
        return cast("Decimal", row["cost"]), cast("int", row["records"])

    recent = ask_recent(ledger, Source.COST, read, ask)
    rolled = cast("tuple[Decimal, int]", rolled_up(ledger, read))
    return rolled[0] + recent[0], rolled[1] + recent[1]


def recounted(ledger: Ledger) -> tuple[Decimal, int]:
    """The same of all records, as ``FINAL`` says it."""
    (row,) = ledger.query("SELECT sum(total_cost) AS cost, count() AS records FROM cost_records_local FINAL")
    return cast("Decimal", row["cost"]), cast("int", row["records"])


@pytest.fixture
def worker(ledger: Ledger) -> RollupWorker:
    """A worker that sums up whatever is over, a quarter of an hour after the hour began."""
    return RollupWorker(ledger, quiet_seconds=0, now_ns=lambda: nanoseconds(HOUR + timedelta(seconds=900)))


@pytest.fixture
def asked() -> list[str]:
    """The words by which recent records were read."""
    return []


@pytest.fixture
def remembering(ledger: Ledger, worker: RollupWorker) -> Iterator[None]:
    """Something is summed up, and the quarter of an hour is nearly over."""
    store(ledger, [span_at(7)])
    while worker.rebuild():
        pass
    with remembering_at(900):
        yield


@pytest.mark.usefixtures("remembering")
def test_what_arrives_is_taken_from_the_table_once(ledger: Ledger, asked: list[str]) -> None:
    """Reports read the last seconds from memory, and of the table only what blocks have brought since."""
    store(ledger, [span_at(896), span_at(899, 2)])
    first = counted(ledger, asked)
    store(ledger, [span_at(898, 4)])
    later = "_block_number > {until:UInt64} AND total_cost > 2"
    with mock.patch.object(recollection, "_LATER", later):
        second = counted(ledger, asked)

    assert (first, second) == ((Decimal(4), 3), (Decimal(8), 4))
    assert all("_memory`." in words for words in asked)


@pytest.mark.usefixtures("remembering")
def test_a_late_span_brings_its_slice_into_memory(ledger: Ledger, asked: list[str]) -> None:
    """A slice that was summed up and changes again is taken in as a whole."""
    store(ledger, [span_at(899)])
    counted(ledger, asked)
    store(ledger, [span_at(8, 2)])

    assert counted(ledger, asked) == (Decimal(4), 3)
    assert "_memory`." in asked[-1]


@pytest.mark.usefixtures("remembering")
def test_a_record_that_comes_again_counts_once(ledger: Ledger, asked: list[str]) -> None:
    """A redelivery ends the recollection, and the table is read with FINAL for a while."""
    span = span_at(899)
    ledger.command("SYSTEM STOP MERGES cost_records_local")
    try:
        store(ledger, [span])
        first = counted(ledger, asked)
        store(ledger, [span, span])
        second = counted(ledger, asked)
    finally:
        ledger.command("SYSTEM START MERGES cost_records_local")

    assert (first, second) == ((Decimal(2), 2), (Decimal(2), 2))
    assert ("_memory`." in asked[0], "FINAL" in asked[1]) == (True, True)


@pytest.mark.usefixtures("remembering")
def test_a_deletion_is_remembered_too(ledger: Ledger, worker: RollupWorker, asked: list[str]) -> None:
    """A mutation ends the recollection, and what is left is taken in anew."""
    store(ledger, [span_at(901, 2), span_at(902, 4)])
    first = counted(ledger, asked)
    ledger.command("ALTER TABLE cost_records_local DELETE WHERE total_cost = 2 SETTINGS mutations_sync = 2")
    while worker.rebuild():
        pass
    second = counted(ledger, asked)

    assert (first, second) == ((Decimal(7), 3), (Decimal(5), 2))
    assert ["_memory`." in words for words in asked] == [True, True]


@pytest.mark.usefixtures("remembering")
def test_what_arrives_is_taken_in_before_somebody_asks(ledger: Ledger, asked: list[str]) -> None:
    """After a question the memory is kept up with the table, so that the next one finds everything there."""
    store(ledger, [span_at(898)])
    counted(ledger, asked)
    store(ledger, [span_at(899, 2)])
    keep_up(ledger)
    with mock.patch.object(recollection, "_KEEP", "SELECT 1"):
        assert counted(ledger, asked) == (Decimal(4), 3)
    assert "_memory`." in asked[-1]


@pytest.mark.usefixtures("remembering")
def test_what_is_still_read_goes_on_in_a_new_table(ledger: Ledger, worker: RollupWorker, asked: list[str]) -> None:
    """After a while the records of slices that are summed up leave the memory; the rest is not read again."""
    store(ledger, [span_at(899), span_at(902, 2), span_at(902, 4)])
    before = counted(ledger, asked)
    while worker.rebuild():
        pass
    with mock.patch.object(recollection, "_KEPT_SECONDS", -1), mock.patch.object(recollection, "_KEEP", "SELECT 1"):
        after = counted(ledger, asked)

    assert before == after == (Decimal(8), 4)
    old, new = (ledger.query(f"SELECT count() AS records FROM {words.split(maxsplit=1)[0]}") for words in asked)  # noqa: S608 - the words under test
    assert (old, new) == ([{"records": 3}], [{"records": 2}])


@pytest.mark.usefixtures("remembering")
def test_few_records_are_read_from_the_table(ledger: Ledger, asked: list[str]) -> None:
    """Where little arrives nothing is kept."""
    store(ledger, [span_at(899)])

    with mock.patch.object(recollection, "_MANY", 2):
        assert counted(ledger, asked) == (Decimal(2), 2)
    assert "_memory`." not in asked[0]


@pytest.mark.usefixtures("remembering")
def test_what_was_forgotten_can_be_read_for_a_while(ledger: Ledger, asked: list[str]) -> None:
    """A statement may still name what was kept when it was planned; a minute later it is dropped."""
    store(ledger, [span_at(899)])
    counted(ledger, asked)

    with mock.patch.object(recollection, "_KEPT_SECONDS", -1), mock.patch.object(recollection, "_ASKED_SECONDS", -1):
        keep_up(ledger)
        before = _is_there(ledger, asked[0])
        with mock.patch.object(recollection, "_GRACE_SECONDS", -1):
            keep_up(ledger)

    assert (before, _is_there(ledger, asked[0])) == (True, False)


@pytest.mark.usefixtures("remembering")
def test_an_engine_that_lost_its_memory_is_asked_for_the_table(ledger: Ledger, asked: list[str]) -> None:
    """What was in memory may be gone with the engine's last connection; reports go on."""
    store(ledger, [span_at(899)])
    counted(ledger, asked)
    ledger.command(f"DROP TABLE {asked[0].split(maxsplit=1)[0]}")

    assert counted(ledger, asked) == (Decimal(2), 2)
    assert "FINAL" in asked[-1]


@pytest.mark.usefixtures("remembering")
def test_a_failure_to_remember_is_no_failure_to_answer(
    ledger: Ledger, asked: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Where the engine has no room for it, reports read the table, and the log says why."""
    store(ledger, [span_at(899)])
    with mock.patch.object(recollection, "_KEEP", "SELECT throwIf(1, 'no room')"):
        assert counted(ledger, asked) == (Decimal(2), 2)

    assert "no room" in caplog.text
    assert "FINAL" in asked[-1]


def _is_there(ledger: Ledger, words: str) -> bool:
    (row,) = ledger.query(f"EXISTS TABLE {words.split(maxsplit=1)[0]}")
    return row["result"] == 1


class _Recent(RuleBasedStateMachine):
    """A ledger to whose last minute anything may happen, and a recount with FINAL."""

    ledger: Ledger

    def __init__(self) -> None:
        super().__init__()
        empty(self.ledger)
        self.sent: list[Span] = []
        self.version = 0
        self.worker = RollupWorker(
            self.ledger, quiet_seconds=0, now_ns=lambda: nanoseconds(HOUR + timedelta(seconds=60))
        )
        self.published: tuple[Decimal, int] | None = None
        self.patched = remembering_at(60)
        self.patched.enter_context(mock.patch(f"{_ROLLUPS}.distinct._WARY_SECONDS", 0))
        self.deliver([1], 1)
        self.worker.rebuild()

    @rule(seconds=st.lists(st.integers(0, 70), min_size=1, max_size=8), cost=st.integers(0, 9))
    def deliver(self, seconds: list[int], cost: int) -> None:
        self.sent += (spans := [span_at(second, cost) for second in seconds])
        store(self.ledger, spans)

    @rule(second=st.integers(50, 60), cost=st.integers(0, 9))
    def deliver_in_time(self, second: int, cost: int) -> None:
        self.deliver([second], cost)

    @rule(
        data=st.data(),
        column=st.sampled_from(("", "toDecimal128(7, 12) AS total_cost", "1 AS is_deleted")),
        is_merged=st.booleans(),
    )
    def repeat(self, data: st.DataObject, column: str, *, is_merged: bool) -> None:
        """A record is delivered again, priced anew or withdrawn, and maybe merged before anybody looks."""
        if not self.sent:
            return
        span = data.draw(st.sampled_from(self.sent))
        if column:
            self.version += 1
            self.ledger.command(
                f"INSERT INTO cost_records_local SELECT * REPLACE ({{version:Int64}} AS version, {column})"  # noqa: S608 - of the rule
                " FROM cost_records_local FINAL WHERE trace_id = toFixedString(unhex({trace:String}), 16)",
                {"version": self.version, "trace": f"{span.number:032x}"},
            )
        else:
            store(self.ledger, [span, span])
        if is_merged:
            self.merge()

    @rule()
    def merge(self) -> None:
        self.ledger.command("OPTIMIZE TABLE cost_records_local FINAL")

    @rule(cost=st.integers(0, 9))
    def delete(self, cost: int) -> None:
        self.ledger.command(
            "ALTER TABLE cost_records_local DELETE WHERE total_cost = {cost:UInt8} SETTINGS mutations_sync = 2",
            {"cost": cost},
        )
        self.worker.rebuild()

    @rule()
    def rebuild(self) -> None:
        self.worker.rebuild()

    @rule()
    def forget(self) -> None:
        self.patched.enter_context(
            mock.patch(f"{_ROLLUPS}.recollection._memories", WeakKeyDictionary[Ledger, object]())
        )

    @rule()
    def publish(self) -> None:
        keep_up(self.ledger)
        self.published = recounted(self.ledger)

    @rule()
    def ask_as_of_what_is_published(self) -> None:
        """What is in memory is answered from as it was then, whatever has happened since."""
        asked: list[str] = []
        with mock.patch(f"{_ROLLUPS}.moment._told", WeakKeyDictionary[Ledger, object]()), one_moment(self.ledger):
            found = counted(self.ledger, asked)
        if self.published is not None and asked and "_memory`." in asked[0]:
            assert found == self.published

    @rule()
    def ask_much_later(self) -> None:
        with mock.patch(f"{_ROLLUPS}.recollection._KEPT_SECONDS", -1):
            assert counted(self.ledger) == recounted(self.ledger)

    @invariant()
    def is_exact(self) -> None:
        assert counted(self.ledger) == recounted(self.ledger)

    def teardown(self) -> None:
        self.patched.close()


def test_recent_records_are_exact_whatever_happens(ledger: Ledger) -> None:
    """Under repeats, decisions, withdrawals, merges, deletions and rebuilds the memory says what FINAL says."""

    class OfThisLedger(_Recent):
        pass

    OfThisLedger.ledger = ledger
    run_state_machine_as_test(OfThisLedger, settings=settings(max_examples=6, stateful_step_count=12, deadline=None))

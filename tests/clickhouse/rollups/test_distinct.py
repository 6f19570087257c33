"""The last seconds are read without FINAL where no record is there twice, and a statement finds that out by itself."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

import pytest

from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.rollups import Source, distinct
from spanledger_clickhouse.rollups.distinct import ask_distinct
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from spanledger_clickhouse.rollups import Records

_HOUR = datetime(2026, 3, 10, 8, tzinfo=UTC)
_WITHIN = "started_at >= '2026-03-10 08:00:00'"
_SLOW_SNAPSHOTS = " SETTINGS merge_tree_storage_snapshot_sleep_ms = 100"


@pytest.fixture(autouse=True)
def _unwary(monkeypatch: pytest.MonkeyPatch) -> None:
    """No repeats were met before."""
    monkeypatch.setattr(distinct, "_wary_until", WeakKeyDictionary[Ledger, float]())


def _costs(ledger: Ledger, asked: list[str], settings: str = "") -> tuple[int, Decimal]:
    def ask(records: Records) -> tuple[int, Decimal]:
        asked.append(read := records(Source.COST, _WITHIN))
        (row,) = ledger.query(f"SELECT count() AS records, sum(total_cost) AS cost FROM {read}{settings}")  # noqa: S608 - the words under test
        return cast("int", row["records"]), cast("Decimal", row["cost"])

    return ask_distinct(ledger, ask)


def test_records_that_are_there_once_are_read_as_they_are(ledger: Ledger) -> None:
    """Nothing is merged while nobody repeats anything."""
    store(ledger, [Span(start=_HOUR, service="s3", cost=Decimal(cost)) for cost in (1, 2)])
    store(ledger, [Span(start=_HOUR, service="s3", cost=Decimal(4))])
    asked = list[str]()

    assert _costs(ledger, asked) == (3, Decimal(7))
    assert ["FINAL" in each for each in asked] == [False]


def test_a_record_that_is_there_twice_counts_once(ledger: Ledger) -> None:
    """A redelivery makes the statement fail, it is asked again with FINAL, and for a while at once."""
    span = Span(start=_HOUR, service="s3", cost=Decimal(1))
    ledger.command("SYSTEM STOP MERGES cost_records_local")
    try:
        store(ledger, [span])
        store(ledger, [span, span])
        asked = list[str]()

        assert _costs(ledger, asked) == (1, Decimal(1))
        assert _costs(ledger, asked) == (1, Decimal(1))
        assert ["FINAL" in each for each in asked] == [False, True, True]
    finally:
        ledger.command("SYSTEM START MERGES cost_records_local")


def test_a_record_that_was_withdrawn_is_not_read(ledger: Ledger) -> None:
    """A record that the rater found to repeat another may be the only row of its key, and does not count."""
    store(ledger, [Span(start=_HOUR, service="s3", cost=Decimal(1))])
    ledger.command(
        "INSERT INTO cost_records_local SELECT * REPLACE (1 AS is_deleted, toFixedString('other', 8) AS span_id)"
        " FROM cost_records_local"
    )
    asked = list[str]()

    assert _costs(ledger, asked) == (1, Decimal(1))
    assert ["FINAL" in each for each in asked] == [False]


def test_both_readings_of_a_statement_see_the_same_parts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans that are delivered again between the snapshots that it would otherwise take count once."""
    monkeypatch.setattr(distinct, "_WARY_SECONDS", 0)
    spans = [Span(start=_HOUR, service="s3", cost=Decimal(1)) for _ in range(3)]
    store(ledger, spans)
    over = threading.Event()

    def deliver_again() -> None:
        for times in itertools.count(2):
            if over.is_set():
                return
            store(ledger, spans * times)
            ledger.command("OPTIMIZE TABLE cost_records_local FINAL")

    sender = threading.Thread(target=deliver_again)
    sender.start()
    try:
        seen = {_costs(ledger, [], _SLOW_SNAPSHOTS) for _ in range(10)}
    finally:
        over.set()
        sender.join()

    assert seen == {(3, Decimal(3))}

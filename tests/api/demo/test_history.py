"""What the sample engines would have done on the days before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import spanledger.testing
from spanledger_api.demo.engines.history import write_history

_NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def past() -> spanledger.testing.Ledger:
    """Ten days of history."""
    with spanledger.testing.ledger() as ledger:
        totals = write_history(10, _NOW, lambda _: None)
    assert len(ledger.records) == totals.records
    assert len(ledger.executions) == totals.executions
    return ledger


def test_every_day_before_today_has_costs_and_today_has_none(past: spanledger.testing.Ledger) -> None:
    """The days before the moment's own are filled, all of them and no other."""
    today = _NOW.date()

    assert {record.started_at.date() for record in past.records} == {today - timedelta(days=n) for n in range(1, 11)}


def test_everything_is_priced_by_the_book_or_its_vendor(past: spanledger.testing.Ledger) -> None:
    """No amount is missing or stands in for another."""
    assert {str(record.source) for record in past.records} == {"price_book", "provider"}


def test_no_operation_is_worth_an_alert(past: spanledger.testing.Ledger) -> None:
    """Every amount stays below the threshold of a single operation, so that history raises no alert."""
    assert max(record.total_cost or 0 for record in past.records) < 1


def test_some_executions_fail_and_keep_what_they_cost(past: spanledger.testing.Ledger) -> None:
    """A few percent fail, as with real vendors, and not all of them before anything was paid."""
    failed = [execution for execution in past.executions if execution.status == "failed"]

    assert 0 < len(failed) < len(past.executions) / 10
    assert any(execution.total_cost for execution in failed)


def test_the_same_days_get_the_same_history() -> None:
    """Written twice, the amounts are the same."""
    totals = []
    for _ in range(2):
        with spanledger.testing.ledger() as ledger:
            write_history(3, _NOW, lambda _: None)
        totals.append(ledger.total())

    assert totals[0] == totals[1] > 0

"""Retention: spans go when they are told to, records and totals stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.retention import Retention, apply_retention, parse_retention, read_retention
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture
def retained(ledger: Ledger) -> Iterator[Ledger]:
    """The ledger, whose retention is put back afterwards."""
    before = read_retention(ledger)
    yield ledger
    apply_retention(ledger, before)


def test_a_new_ledger_keeps_records_for_good(ledger: Ledger) -> None:
    """Spans are kept for 30 days, what the rater reads for 90, and steps for ever."""
    kept = ["otel_traces=30d", "performance_records=forever", "usage_spans=90d"]

    assert [retention.text for retention in read_retention(ledger)] == kept


def test_a_change_is_made_once(retained: Ledger) -> None:
    """A retention that is so already is left alone; for good and back again works too."""
    wanted = parse_retention("otel_traces=7d, performance_records=400d, usage_spans=forever")

    assert apply_retention(retained, wanted) == wanted
    assert apply_retention(retained, wanted) == []
    assert read_retention(retained) == wanted


def test_totals_outlive_their_spans(retained: Ledger) -> None:
    """When the spans of a day expire, its cost records and executions are what they were."""
    start = datetime.now(UTC) - timedelta(days=20)
    spans = [
        Span(start=start, service="s3", cost=Decimal("0.25"), execution="old"),
        Span(start=start, execution="old", execution_status="completed"),
    ]
    store(retained, spans)
    view = "SELECT status, total_cost FROM task_executions WHERE execution_id = 'old'"
    before = retained.query(view)
    assert retained.query("SELECT count() AS spans FROM otel_traces") == [{"spans": 2}]

    apply_retention(retained, [Retention("otel_traces", 10)])
    retained.command("OPTIMIZE TABLE otel_traces FINAL")

    assert retained.query("SELECT count() AS spans FROM otel_traces") == [{"spans": 0}]
    assert retained.query(view) == before == [{"status": "completed", "total_cost": Decimal("0.25")}]


@pytest.mark.parametrize("text", ["cost_records=30d", "otel_traces=30", "otel_traces", "otel_traces=1d"])
def test_what_cannot_expire_is_refused(text: str) -> None:
    """Cost records never expire, and spans not before late deliveries are over."""
    with pytest.raises(ConfigurationError, match=text):
        parse_retention(text)

"""The forecast over the ledger: the month so far exactly, the rest by the rate of full days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/cost/forecast"


def test_a_steady_ledger_is_continued(ledger: Ledger, get: Get) -> None:
    """One dollar a day for four weeks makes a dollar for each day that is left, and today by the part of it left."""
    noon = datetime(2026, 3, 14, 12, tzinfo=UTC)
    store(ledger, [Span(service="s3", cost=Decimal(1), start=noon - timedelta(days=n)) for n in range(28)])
    left = Decimal((NOW.replace(hour=0, minute=0, second=0) + timedelta(days=1) - NOW).seconds) / 86400

    (row,) = get(PATH)

    assert (row["month"], row["month_to_date"], row["method"]) == ("2026-03-01", 14, "weekday_run_rate")
    assert (row["observed_days"], row["daily_rate"]) == (27, 1)
    assert row["forecast"] == row["low"] == row["high"] == (14 + 17 + left).quantize(Decimal("1e-12"))


def test_only_what_is_asked_for_is_forecast(ledger: Ledger, get: Get) -> None:
    """Other services, currencies and days before the observed ones change nothing; an empty ledger has no method."""
    assert get(PATH)[0]["method"] == "no_history"
    yesterday = NOW - timedelta(days=1)
    store(
        ledger,
        [
            Span(service="s3", cost=Decimal(2), start=yesterday),
            Span(service="s3", cost=Decimal(90), start=NOW - timedelta(days=2)),
            Span(service="s3", cost=Decimal(90), start=yesterday, currency="EUR"),
            Span(service="openai", cost=Decimal(90), start=yesterday),
        ],
    )

    (row,) = get(PATH, {"days": 1, "service": "s3"})

    assert (row["month_to_date"], row["daily_rate"], row["observed_days"]) == (92, 2, 1)

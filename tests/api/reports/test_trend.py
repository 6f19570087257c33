"""The report on the trend: days, weeks and months of the calendar that was asked for."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from spanledger_api.window import Period, first_day
from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

_ZONES = ("UTC", "Asia/Taipei", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati")
PATH = "/api/analytics/cost/trend"


def test_equals_a_recount_in_every_calendar(ledger: Ledger, get: Get) -> None:
    """For days, weeks and months, each point is the exact sum of what started in it, across a change of clocks."""
    random = Random(11)  # noqa: S311 - test data
    spans = [
        Span(
            service="s3",
            cost=Decimal(random.randrange(10**14)).scaleb(-12),
            start=NOW - timedelta(minutes=random.randrange(50 * 1440)),
        )
        for _ in range(400)
    ]
    store(ledger, spans)

    for zone, period in product(_ZONES, (Period.DAILY, Period.WEEKLY, Period.MONTHLY)):
        earliest = NOW.astimezone(ZoneInfo(zone)).date() - timedelta(days=44)
        costs: defaultdict[date, list[Decimal]] = defaultdict(list)
        for span in spans:
            day = span.start.astimezone(ZoneInfo(zone)).date()
            if day >= earliest:
                costs[first_day(period, day)].append(span.cost or Decimal(0))
        assert get(PATH, {"timezone": zone, "period": period.value, "days": 45}) == [
            {"date": day.isoformat(), "total_cost": sum(costs[day]), "operations_count": len(costs[day])}
            for day in sorted(costs)
        ]


def test_thirty_days_and_today_among_them_is_the_default(ledger: Ledger, get: Get) -> None:
    """The earliest day covered begins 29 days before today."""
    first = datetime(2026, 2, 13, tzinfo=UTC)
    store(
        ledger,
        [
            Span(service="s3", cost=Decimal(1), start=first),
            Span(service="s3", cost=Decimal(2), start=first - timedelta(microseconds=1)),
            Span(service="s3", cost=Decimal(4), start=NOW),
        ],
    )

    assert get(PATH) == [
        {"date": "2026-02-13", "total_cost": 1, "operations_count": 1},
        {"date": "2026-03-14", "total_cost": 4, "operations_count": 1},
    ]
    assert [row["date"] for row in get(PATH, {"days": 1})] == ["2026-03-14"]
    assert [row["date"] for row in get(PATH, {"days": 31})] == ["2026-02-12", "2026-02-13", "2026-03-14"]


def test_explicit_bounds_replace_the_days(ledger: Ledger, get: Get) -> None:
    """`from` reaches back further than the days do, and `to` cuts off."""
    store(
        ledger,
        [
            Span(service="s3", cost=Decimal(1), start=datetime(2025, 1, 5, tzinfo=UTC)),
            Span(service="s3", cost=Decimal(2), start=NOW),
        ],
    )

    window = {"from": "2025-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z", "period": "monthly"}
    assert get(PATH, window) == [{"date": "2025-01-01", "total_cost": 1, "operations_count": 1}]


def test_sums_of_a_week_keep_every_digit(ledger: Ledger, get: Get) -> None:
    """Days are put together into weeks without rounding to what a default decimal context holds."""
    largest = Decimal("99999999999999999999999999.999999999999")
    store(ledger, [Span(service="s3", cost=largest, start=NOW - timedelta(days=days)) for days in range(3)])

    (row,) = get(PATH, {"period": "weekly"})

    assert row == {
        "date": "2026-03-09",
        "total_cost": Decimal("299999999999999999999999999.999999999997"),
        "operations_count": 3,
    }

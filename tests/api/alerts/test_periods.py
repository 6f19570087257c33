"""Periods: what the calendar promises, in whatever time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_api.alerts.periods import BudgetPeriod, current_period
from spanledger_api.window import zone_names

_MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given by the strategy
_ZONES = st.sampled_from(sorted(zone_names())).map(ZoneInfo)


@given(st.sampled_from(BudgetPeriod), _MOMENTS, _ZONES)
def test_each_moment_lies_in_one_period(period: BudgetPeriod, now: datetime, zone: ZoneInfo) -> None:
    """The period holds the moment, and the next one begins in the instant in which it ends."""
    found = current_period(period, now, zone)
    following = current_period(period, found.end_instant, zone)
    before = current_period(period, found.start_instant - timedelta(microseconds=1), zone)

    assert found.start_instant <= now < found.end_instant
    assert found.first <= found.today < found.end
    assert 0 <= found.part_left <= 1
    assert (following.first, following.start_instant) == (found.end, found.end_instant)
    assert (before.end, before.end_instant) == (found.first, found.start_instant)


@pytest.mark.parametrize(
    ("period", "first", "end"),
    [
        (BudgetPeriod.DAILY, date(2024, 3, 1), date(2024, 3, 2)),
        (BudgetPeriod.WEEKLY, date(2024, 2, 26), date(2024, 3, 4)),
        (BudgetPeriod.MONTHLY, date(2024, 3, 1), date(2024, 4, 1)),
        (BudgetPeriod.QUARTERLY, date(2024, 1, 1), date(2024, 4, 1)),
        (BudgetPeriod.YEARLY, date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_the_calendar_is_that_of_the_time_zone(period: BudgetPeriod, first: date, end: date) -> None:
    """Half past four in the afternoon of February 29 in UTC is March 1 in Taipei."""
    found = current_period(period, datetime(2024, 2, 29, 16, 30, tzinfo=UTC), ZoneInfo("Asia/Taipei"))

    assert (found.first, found.end) == (first, end)
    assert found.start_instant == datetime(first.year, first.month, first.day, tzinfo=ZoneInfo("Asia/Taipei"))

"""Windows: calendar periods begin at the right instant in every time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spanledger.exceptions import InvalidRequestError
from spanledger_api.times import NANOSECONDS, nanoseconds_of, parse_rfc3339
from spanledger_api.window import (
    Period,
    Window,
    days_window,
    first_day,
    first_instant,
    overridden,
    period_window,
    zone_names,
)

_ZONES = st.sampled_from(sorted(zone_names())).map(ZoneInfo)
_MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def _day(instant: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(instant // NANOSECONDS, UTC).astimezone(zone).date()


@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)), _ZONES)
@example(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))
@example(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
@example(date(2010, 11, 7), ZoneInfo("America/St_Johns"))
def test_a_day_begins_where_the_calendar_first_shows_it(day: date, zone: ZoneInfo) -> None:
    """At the first instant the calendar shows the day (or a later one, if the day never was); a second before, not."""
    start = first_instant(day, zone)

    assert _day(start, zone) >= day
    assert _day(start - NANOSECONDS, zone) < day


@given(st.sampled_from(Period), _MOMENTS, _ZONES)
def test_a_period_holds_now_and_begins_with_its_first_day(period: Period, now: datetime, zone: ZoneInfo) -> None:
    """The current period starts at or before now, on its first day, and has no end."""
    window = period_window(period, now, zone)

    assert window.start <= nanoseconds_of(now)
    assert window.end is None
    assert window.start == first_instant(first_day(period, now.astimezone(zone).date()), zone)


@pytest.mark.parametrize(
    ("period", "zone", "expected"),
    [
        (Period.DAILY, "UTC", "2026-03-14T00:00:00Z"),
        (Period.WEEKLY, "UTC", "2026-03-09T00:00:00Z"),
        (Period.MONTHLY, "UTC", "2026-03-01T00:00:00Z"),
        (Period.YEARLY, "UTC", "2026-01-01T00:00:00Z"),
        (Period.DAILY, "Asia/Taipei", "2026-03-13T16:00:00Z"),
        (Period.MONTHLY, "America/New_York", "2026-03-01T05:00:00Z"),
        (Period.WEEKLY, "America/New_York", "2026-03-09T04:00:00Z"),
    ],
)
def test_periods_follow_the_calendar_of_the_zone(period: Period, zone: str, expected: str) -> None:
    """Saturday afternoon of 14 March 2026: summer time began in New York on the 8th."""
    now = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)

    assert period_window(period, now, ZoneInfo(zone)) == Window(parse_rfc3339(expected))


@given(st.integers(1, 3660), _ZONES)
def test_days_count_calendar_days_and_today_is_one(days: int, zone: ZoneInfo) -> None:
    """One day is today; each further one reaches back by one day of the calendar."""
    now = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
    today = now.astimezone(zone).date()

    assert days_window(days, now, zone).start == first_instant(today - timedelta(days=days - 1), zone)


def test_bounds_that_are_asked_for_win() -> None:
    """`from` and `to` replace the period's bounds; absent ones keep them."""
    assert overridden(Window(10), None, None) == Window(10)
    assert overridden(Window(10), 5, None) == Window(5)
    assert overridden(Window(10), None, 11) == Window(10, 11)
    assert overridden(Window(10), 5, 6) == Window(5, 6)


@pytest.mark.parametrize(("start", "end", "parameter"), [(6, 6, "from"), (7, 6, "from"), (None, 10, "to")])
def test_an_empty_window_is_refused(start: int | None, end: int, parameter: str) -> None:
    """A window that can hold nothing names the bound to mend."""
    with pytest.raises(InvalidRequestError) as caught:
        overridden(Window(10), start, end)

    assert caught.value.parameter == parameter

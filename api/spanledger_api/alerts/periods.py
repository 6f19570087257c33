"""The calendar periods of budgets, in the calendar of a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from spanledger_api.amounts import share
from spanledger_api.times import NANOSECONDS, nanoseconds_of
from spanledger_api.window import Period, first_day, first_instant

if TYPE_CHECKING:
    from decimal import Decimal
    from zoneinfo import ZoneInfo

__all__ = ["BudgetPeriod", "CurrentPeriod", "current_period", "instant_of"]


class BudgetPeriod(StrEnum):
    """How long a budget lasts before it begins anew."""

    DAILY = "daily"
    WEEKLY = "weekly"
    """Weeks start on Monday."""
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    """Quarters start in January, April, July and October."""
    YEARLY = "yearly"


_LONGEST_DAYS = {BudgetPeriod.DAILY: 1, BudgetPeriod.WEEKLY: 7, BudgetPeriod.MONTHLY: 31, BudgetPeriod.YEARLY: 366}


@dataclass(frozen=True, slots=True)
class CurrentPeriod:
    """A period and where a moment stands in it.

    Attributes:
        first: Its first day.
        end: The first day after it.
        start_instant: Its first instant, aware UTC.
        end_instant: The first instant after it, aware UTC.
        today: The day that the moment lies in.
        part_left: Share (0 to 1) of that day that is still to come.
    """

    first: date
    end: date
    start_instant: datetime
    end_instant: datetime
    today: date
    part_left: Decimal


def current_period(period: BudgetPeriod, now: datetime, zone: ZoneInfo) -> CurrentPeriod:
    """The period that a moment lies in.

    Args:
        period: How long it lasts.
        now: The moment, aware.
        zone: Whose calendar it follows.
    """
    today = now.astimezone(zone).date()
    first, end = _days(period, today)
    begin, after = (first_instant(day, zone) for day in (today, today + timedelta(days=1)))
    return CurrentPeriod(
        first,
        end,
        instant_of(first, zone),
        instant_of(end, zone),
        today,
        share(after - nanoseconds_of(now), after - begin),
    )


def instant_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day in a time zone, aware UTC."""
    return datetime.fromtimestamp(first_instant(day, zone) // NANOSECONDS, UTC)


def _days(period: BudgetPeriod, today: date) -> tuple[date, date]:
    if period is BudgetPeriod.QUARTERLY:
        first = today.replace(month=today.month - (today.month - 1) % 3, day=1)
        # Ninety-three days after a quarter's first day lie in the next quarter, whichever it is.
        return first, first_day(Period.MONTHLY, first + timedelta(days=93))
    calendar = Period(period.value)
    first = first_day(calendar, today)
    return first, first_day(calendar, first + timedelta(days=_LONGEST_DAYS[period]))

"""Which stretch of time a report covers: calendar periods turned into half-open windows of instants."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from spanledger.exceptions import InvalidRequestError
from spanledger_api.times import NANOSECONDS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = [
    "Period",
    "Window",
    "days_window",
    "first_day",
    "first_instant",
    "overridden",
    "period_window",
    "zone_names",
]


class Period(StrEnum):
    """A calendar period, in the calendar of one time zone."""

    DAILY = "daily"
    WEEKLY = "weekly"
    """Weeks start on Monday."""
    MONTHLY = "monthly"
    YEARLY = "yearly"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time, in nanoseconds since 1970 UTC.

    Attributes:
        start: First instant inside.
        end: First instant after it; None where it has no end, so that a span of a fast clock is not lost.
    """

    start: int
    end: int | None = None


@cache
def zone_names() -> frozenset[str]:
    """Every IANA time zone name this machine knows."""
    return frozenset(available_timezones() - {"localtime"})  # the machine's own choice; the ledger does not know it


def first_day(period: Period, day: date) -> date:
    """The first day of the period that a day lies in."""
    match period:
        case Period.DAILY:
            return day
        case Period.WEEKLY:
            return day - timedelta(days=day.weekday())
        case Period.MONTHLY:
            return day.replace(day=1)
        case Period.YEARLY:
            return day.replace(month=1, day=1)


def first_instant(day: date, zone: ZoneInfo) -> int:
    """Nanoseconds since 1970 UTC of the first instant at which the zone's calendar shows this day or a later one.

    That is midnight, or the end of the gap where clocks jump over midnight or over the whole day.
    """
    midnight = datetime.combine(day, time(), tzinfo=zone)
    earlier, later = sorted(int(midnight.replace(fold=fold).timestamp()) for fold in (0, 1))
    if _local_day(earlier, zone) >= day and _local_day(earlier - 1, zone) < day:
        return earlier * NANOSECONDS
    # Midnight does not exist: the day begins where the clocks jump, between the two readings of midnight.
    candidates = range(earlier, later + 1)
    return candidates[bisect_left(candidates, x=True, key=lambda s: _local_day(s, zone) >= day)] * NANOSECONDS


def _local_day(seconds: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).date()


def period_window(period: Period, now: datetime, zone: ZoneInfo) -> Window:
    """The current period from its first instant on, without an end."""
    today = now.astimezone(zone).date()
    return Window(first_instant(first_day(period, today), zone))


def days_window(days: int, now: datetime, zone: ZoneInfo) -> Window:
    """The last calendar days from the first instant of the earliest on, today being one of them.

    Raises:
        InvalidRequestError: The days reach back beyond 1970, where the ledger begins.
    """
    today = now.astimezone(zone).date()
    start = first_instant(today - timedelta(days=days - 1), zone)
    if start < 0:
        message = "reaches back beyond 1970, where the ledger begins"
        raise InvalidRequestError(message, parameter="days")
    return Window(start)


def overridden(window: Window, start: int | None, end: int | None) -> Window:
    """The window with its bounds replaced by those that were asked for; None keeps a bound.

    Raises:
        InvalidRequestError: The result is empty: ``from`` is not before ``to``.
    """
    result = Window(window.start if start is None else start, end)
    if end is not None and result.start >= end:
        if start is None:
            message = "lies before the current period begins; state 'from' too"
            raise InvalidRequestError(message, parameter="to")
        message = "must be earlier than 'to'; the window is half-open"
        raise InvalidRequestError(message, parameter="from")
    return result

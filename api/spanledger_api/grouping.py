"""What a report may be grouped by: dimensions of a record, and stretches of its time."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from spanledger_api.filters import Dimension
from spanledger_api.rows import day, integer
from spanledger_api.times import NANOSECONDS, format_rfc3339
from spanledger_api.window import first_instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from spanledger_api.rows import Row
    from spanledger_clickhouse.rollups import Stretch

__all__ = ["GROUPS_PATTERN", "Grouping", "Interval", "bucket_sql", "bucket_time", "parse_groups", "within_local"]


class Grouping(StrEnum):
    """A dimension by the name it has in requests and in rows."""

    USER = "user"
    SERVICE = "service"
    OPERATION = "operation"
    MODEL = "model"
    TASK_TYPE = "task_type"
    STEP = "step"
    PROMPT = "prompt"
    SOURCE = "source"
    STATUS = "status"

    @property
    def dimension(self) -> Dimension:
        """The text of a record that it groups by."""
        return _DIMENSIONS[self]


_DIMENSIONS: Final = {
    Grouping.USER: Dimension.USER_ID,
    Grouping.SERVICE: Dimension.SERVICE,
    Grouping.OPERATION: Dimension.OPERATION,
    Grouping.MODEL: Dimension.MODEL,
    Grouping.TASK_TYPE: Dimension.TASK_TYPE,
    Grouping.STEP: Dimension.STEP,
    Grouping.PROMPT: Dimension.PROMPT,
    Grouping.SOURCE: Dimension.SOURCE,
    Grouping.STATUS: Dimension.STATUS,
}

_ANY: Final = "|".join(Grouping)
GROUPS_PATTERN: Final = f"^({_ANY})(,({_ANY}))?$"
"""One grouping, or two with a comma between them."""


def parse_groups(text: str) -> tuple[Grouping, ...]:
    """The groupings of a text that matches :data:`GROUPS_PATTERN`, each once."""
    return tuple(dict.fromkeys(Grouping(name) for name in text.split(",")))


class Interval(StrEnum):
    """What one point of a series covers, in the calendar of a time zone."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    """Weeks start on Monday."""
    MONTH = "month"
    NONE = "none"
    """No series: one total over the window."""


_LOCAL_DAY: Final = "toDate32(started_at, {timezone:String})"
_OFFSET: Final = "toInt64(timeZoneOffset(toTimeZone(started_at, {timezone:String}))) * 1000000000"
_BUCKETS: Final = {
    # Zones with half hours have their own full hours, and an hour that clocks repeat is two.
    Interval.HOUR: (
        f"intDiv(toUnixTimestamp64Nano(started_at) + {_OFFSET}, 3600000000000) * 3600000000000 - {_OFFSET}"
    ),
    Interval.DAY: _LOCAL_DAY,
    Interval.WEEK: f"{_LOCAL_DAY} - (toDayOfWeek({_LOCAL_DAY}) - 1)",
    Interval.MONTH: f"{_LOCAL_DAY} - (toDayOfMonth({_LOCAL_DAY}) - 1)",
    Interval.NONE: "0",
}


def bucket_sql(interval: Interval) -> str:
    """The SQL that gives the bucket of a record; it binds ``timezone`` unless there is no series."""
    return _BUCKETS[interval]


def within_local(interval: Interval, zone: ZoneInfo) -> Callable[[Stretch], bool]:
    """Says of a stretch of time, in nanoseconds since 1970 UTC, whether one bucket of a series holds all of it."""
    size = 3600 if interval is Interval.HOUR else 86_400

    def is_within(stretch: Stretch) -> bool:
        first, end = (instant // NANOSECONDS for instant in stretch)
        offset, later = _offset(first, zone), _offset(end, zone)
        # Weeks and months begin where days do; where clocks jump, nothing is taken as a whole.
        return offset == later and (first + offset) // size == (end - 1 + offset) // size

    return is_within


def _offset(seconds: int, zone: ZoneInfo) -> int:
    """Seconds by which the zone's clocks are ahead of UTC."""
    ahead = datetime.fromtimestamp(seconds, zone).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())


def bucket_time(row: Row, name: str, zone: ZoneInfo) -> str:
    """The first instant of a row's bucket as RFC 3339 text.

    Raises:
        TypeError: The column is not a bucket.
    """
    if isinstance(row[name], int):
        return format_rfc3339(integer(row, name))
    return format_rfc3339(max(0, first_instant(day(row, name), zone)))

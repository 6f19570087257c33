"""The time of day, which tests may replace."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["now", "now_ns", "read_from"]

_READ: list[Callable[[], int]] = [time.time_ns]


def now_ns() -> int:
    """Nanoseconds since 1970, UTC; a clock that is set back reads less than before."""
    return _READ[0]()


def now() -> datetime:
    """The time of day to the second, in UTC, which is enough to choose a price by."""
    return datetime.fromtimestamp(now_ns() // 1_000_000_000, UTC)


def read_from(clock: Callable[[], int]) -> Callable[[], int]:
    """Read another clock from now on.

    Args:
        clock: Returns nanoseconds since 1970, UTC.

    Returns:
        The clock that was read before, to be put back.
    """
    before, _READ[0] = _READ[0], clock
    return before

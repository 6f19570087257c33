"""The time of day, which tests may replace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["now_ns", "read_from"]

_READ: list[Callable[[], int]] = [time.time_ns]


def now_ns() -> int:
    """Nanoseconds since 1970, UTC; a clock that is set back reads less than before."""
    return _READ[-1]()


def read_from(clock: Callable[[], int] | None) -> None:
    """Read another clock from now on; None goes back to the system's.

    Args:
        clock: Returns nanoseconds since 1970, UTC.
    """
    _READ[1:] = [] if clock is None else [clock]

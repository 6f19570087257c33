"""How often a key may send spans: evenly, so that who sends too often waits for moments and never for a minute.

The exporters of OpenTelemetry give a batch ten seconds, waiting included, and drop it then. A window of a minute would
tell them to wait longer than that. So each request moves the time at which the next one is due by an even interval, and
some seconds' worth may come at once (the generic cell rate algorithm).
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SENT_PER_MINUTE", "SendingRate"]

SENT_PER_MINUTE: Final = 30_000
"""Far more than an engine needs, and less than would keep everybody else's requests waiting."""

_AT_ONCE_SECONDS: Final = 10.0


class SendingRate:
    """Counts in memory, for each key apart: each process counts for itself.

    Args:
        per_minute: Requests a minute of one key.
        at_once_seconds: For how many seconds' worth of requests may come at once, after as long a silence.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        per_minute: int = SENT_PER_MINUTE,
        at_once_seconds: float = _AT_ONCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_minute = per_minute
        self._interval = 60 / per_minute
        self._at_once = at_once_seconds
        self._clock = clock
        # By key: valid keys are few, and nothing is counted for others.
        self._due: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        """Count a request of a key.

        Raises:
            RateLimitedError: It sends too often. The time to wait is whole seconds, so a little long at times.
        """
        with self._lock:
            now = self._clock()
            due = max(self._due.get(name, now), now)
            early = due - now - self._at_once
            if early <= 0:
                self._due[name] = due + self._interval
                return
        wait = max(1, math.ceil(early))
        message = f"More than {self._per_minute} requests a minute; wait {wait} s and send this again."
        raise RateLimitedError(message, retry_after=wait)

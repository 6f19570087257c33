"""Work that is repeated in the background until it is stopped."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from spanledger.exceptions import RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Periodic"]

_log = logging.getLogger(__name__)


class Periodic:
    """Calls a function again and again in a thread of its own, with a pause after each call.

    An error that may pass (of the engine, or retryable) is logged and counted, and the next call comes as usual.

    Args:
        name: What the work is, for logs and the thread.
        work: The function.
        seconds: The pause.
        due: Ends a pause when it is set, and is cleared then; None leaves each as long as it is.

    Attributes:
        failures: How many calls failed.
    """

    def __init__(
        self, name: str, work: Callable[[], object], seconds: float, due: threading.Event | None = None
    ) -> None:
        self.failures = 0
        self._due = due or threading.Event()
        self._name = name
        self._work = work
        self._seconds = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name=name, daemon=True)

    def start(self) -> None:
        """Begin with a first call at once."""
        self._thread.start()

    def stop(self) -> None:
        """Let a call that runs finish, and make no other."""
        self._stopped.set()
        self._due.set()
        self._thread.join()

    def _repeat(self) -> None:
        while True:
            try:
                self._work()
            except (ClickHouseError, RetryableError):
                self.failures += 1
                _log.exception("%s failed; it is tried again in %s seconds", self._name, self._seconds)
            self._due.wait(self._seconds)
            self._due.clear()
            if self._stopped.is_set():
                return

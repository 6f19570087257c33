"""How many statements run at once: a few, a short queue behind them, and an answer at once for the rest."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spanledger.exceptions import OverloadedError

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["QuerySlots"]


class QuerySlots:
    """Lets a number of statements run at the same time.

    Args:
        running: How many run at once.
        waiting: How many may wait for one of them to end.
        seconds: How long one of those waits at most.
    """

    def __init__(self, running: int = 4, waiting: int = 64, seconds: float = 10.0) -> None:
        self._free = threading.BoundedSemaphore(running)
        self._places = threading.BoundedSemaphore(waiting)
        self._seconds = seconds

    @contextmanager
    def taken(self) -> Generator[None]:
        """Run the block in a slot.

        Raises:
            OverloadedError: Too many wait already, or none became free in time.
        """
        if not self._free.acquire(blocking=False):
            self._wait()
        try:
            yield
        finally:
            self._free.release()

    def _wait(self) -> None:
        message = "The ledger answers as many questions as it can; try again."
        if not self._places.acquire(blocking=False):
            raise OverloadedError(message)
        try:
            if not self._free.acquire(timeout=self._seconds):
                raise OverloadedError(message)
        finally:
            self._places.release()

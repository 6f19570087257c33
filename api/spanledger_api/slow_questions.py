"""Questions that took too long a moment ago: the same one is refused at once until it may be asked again.

A browser repeats a request that was answered with 408 by itself, once for every connection that it holds open. Without
this, what is too slow would run several times over.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from fastapi import Request

__all__ = ["RETRY_SECONDS", "SlowQuestions", "refuse_slow"]

RETRY_SECONDS: Final = 10
"""How long the same question is refused at once."""

_MOST: Final = 1000


class SlowQuestions:
    """The requests of an app that the engine gave up on.

    Args:
        clock: Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: dict[tuple[str, ...], tuple[float, Exception]] = {}
        # Several reports of one page are given up on at once, each in a thread of its own.
        self._noting = threading.Lock()

    def note(self, request: Request, error: Exception) -> None:
        """Remember a request and what the engine said of it."""
        now = self._clock()
        with self._noting:
            kept = {asked: found for asked, found in self._found.items() if found[0] > now}
            if len(kept) < _MOST:
                self._found = kept | {_asked(request): (now + RETRY_SECONDS, error)}

    def refuse(self, request: Request) -> None:
        """Let a request pass that was not given up on in the last seconds.

        Raises:
            Exception: What the engine said of it then.
        """
        until, error = self._found.get(_asked(request), (0.0, None))
        if error is not None and self._clock() < until:
            raise error.with_traceback(None)


def _asked(request: Request) -> tuple[str, ...]:
    # Who asks is a part of the question: rows of one are not those of another.
    return (request.method, request.url.path, request.url.query, request.headers.get("Authorization", ""))


async def refuse_slow(request: Request) -> None:
    """Refuse a request that took too long a moment ago; raises as :meth:`SlowQuestions.refuse`."""
    slow: SlowQuestions = request.app.state.slow_questions
    slow.refuse(request)

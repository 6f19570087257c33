"""The one place where an exception of ours ends, so that it never reaches the engine.

Everything that Spanledger does inside an engine's own call runs in :class:`guarded`. What goes wrong there is counted
by site and logged once in a while; the engine notices nothing. The engine's own exceptions never pass through here.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["count_loss", "guarded", "losses", "warn_seldom"]

P = ParamSpec("P")
R = TypeVar("R")

_LOGGER = logging.getLogger(__name__)

LOG_EVERY_SECONDS: Final = 60.0
"""A site that keeps failing is logged at most this often; the counters miss nothing."""

_LOCK = threading.RLock()  # reentrant: a signal handler may count while its own thread is counting
_COUNTS: dict[str, int] = {}
_LOGGED_AT: dict[str, float] = {}


def losses() -> dict[str, int]:
    """How many failures and lost spans each site has counted since the process began; an absent site lost nothing."""
    with _LOCK:
        return dict(_COUNTS)


def count_loss(site: str, reason: str, *, count: int = 1, error: BaseException | None = None) -> None:
    """Count something that was lost or failed, and log it unless the site was logged within the last minute.

    Args:
        site: Where it happened, e.g. ``export``; the key in :func:`losses`.
        reason: What happened, in words.
        count: How many spans or calls are concerned.
        error: The exception behind it, whose traceback is logged; None if there is none.
    """
    with _LOCK:
        _COUNTS[site] = total = _COUNTS.get(site, 0) + count
    warn_seldom(site, f"{reason} ({total} so far)", error=error)


def warn_seldom(site: str, message: str, *, error: BaseException | None = None) -> None:
    """Log a warning unless the site was logged within the last minute; never raises.

    Args:
        site: Where it happened.
        message: What happened, in words.
        error: The exception behind it, whose traceback is logged; None if there is none.
    """
    now = time.monotonic()
    with _LOCK:
        if now - _LOGGED_AT.get(site, -LOG_EVERY_SECONDS) < LOG_EVERY_SECONDS:
            return
        _LOGGED_AT[site] = now
    try:
        _LOGGER.warning("%s: %s", site, message, exc_info=error)
    except Exception:  # noqa: BLE001 - a log handler of the engine's must not turn our warning into its failure
        with _LOCK:
            _COUNTS["guard.log"] = _COUNTS.get("guard.log", 0) + 1


class guarded:  # noqa: N801 - reads as a statement: with guarded("export"): ...
    """Ends every exception raised inside, as a context manager or as a decorator of a synchronous function.

    A decorated function returns None where it failed. ``KeyboardInterrupt``, ``SystemExit`` and cancellation pass.

    Args:
        site: The name that failures are counted under in :func:`losses`.
    """

    def __init__(self, site: str) -> None:
        self._site = site

    def __enter__(self) -> None:
        """Nothing to prepare: one instance may guard many places at once."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Count and swallow the exception, if there is one."""
        del kind, trace
        if not isinstance(error, Exception):
            return False
        count_loss(self._site, f"failed with {type(error).__name__}", error=error)
        return True

    def __call__(self, function: Callable[P, R]) -> Callable[P, R | None]:
        """Guard each call of a function; the guarded one returns None where the call failed."""

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R | None:
            with self:
                return function(*args, **kwargs)
            return None

        return run

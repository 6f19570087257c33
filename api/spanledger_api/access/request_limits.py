"""How often somebody may ask: each key or user, each address, and each address that shows wrong keys."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from spanledger.exceptions import RateLimitedError

if TYPE_CHECKING:
    from spanledger_api.access.principal import Principal

__all__ = ["ASKED_PER_MINUTE", "Allowance", "RequestLimits"]

ASKED_PER_MINUTE: Final = 1200
"""How often one key or user may ask where nobody says otherwise."""

_ADDRESS_FACTOR: Final = 5
"""Several people may share an address, behind one proxy."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit.

    Attributes:
        limit: Requests a minute.
        remaining: How many of them are left.
        reset: Whole seconds until more are.
    """

    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """It as response headers."""
        return {
            "RateLimit-Policy": f'"requests";q={self.limit};w=60',
            "RateLimit": f'"requests";r={self.remaining};t={self.reset}',
        }


class RequestLimits:
    """Counts in memory, over a window that slides: each process counts for itself.

    Args:
        per_minute: Requests a minute of one key or user; an address may make five times as many.
        failures: Wrong keys a minute of one address.
    """

    def __init__(self, per_minute: int = ASKED_PER_MINUTE, failures: int = 20) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._of_one = RateLimitItemPerMinute(per_minute)
        self._of_address = RateLimitItemPerMinute(per_minute * _ADDRESS_FACTOR)
        self._failures = RateLimitItemPerMinute(failures)

    def pass_address(self, address: str) -> None:
        """Count a request of an address.

        Raises:
            RateLimitedError: It asks too often.
        """
        if not self._limiter.hit(self._of_address, "address", address):
            raise self._limited(self._of_address, "address", address)

    def pass_principal(self, principal: Principal) -> Allowance:
        """Count a request of somebody who is known.

        Raises:
            RateLimitedError: They ask too often.
        """
        name = f"{principal.authentication}:{principal.key_id}"
        if not self._limiter.hit(self._of_one, "principal", name):
            raise self._limited(self._of_one, "principal", name)
        stats = self._limiter.get_window_stats(self._of_one, "principal", name)
        return Allowance(self._of_one.amount, stats.remaining, _seconds_until(stats.reset_time))

    def note_failure(self, address: str) -> None:
        """Count a wrong key or token of an address.

        Right keys pass all the same: an engine with an old key must not lock out everybody behind the same proxy, and
        nobody finds a key by trying.

        Raises:
            RateLimitedError: It has shown too many.
        """
        if not self._limiter.hit(self._failures, "failures", address):
            raise self._limited(self._failures, "failures", address)

    def _limited(self, item: RateLimitItemPerMinute, kind: str, name: str) -> RateLimitedError:
        reset = _seconds_until(self._limiter.get_window_stats(item, kind, name).reset_time)
        what = "wrong keys" if kind == "failures" else "requests"
        return RateLimitedError(f"More than {item.amount} {what} a minute; wait {reset} s.", retry_after=reset)


def _seconds_until(instant: float) -> int:
    return max(1, math.ceil(instant - time.time()))

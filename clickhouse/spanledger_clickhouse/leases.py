"""One active worker among replicas: a lease kept as appended rows in the ledger itself.

A claim is a row with the next epoch. The first claim of an epoch by the server's time wins, and whoever claims looks
again after a pause in which every earlier claim has become visible. The holder renews by further rows; when those end,
the next epoch may be claimed.

What is promised: at most one holder at a time, and epochs that only rise, as long as an insert that was answered is
seen by every later reading, the servers' clocks differ by less than half the pause and do not jump back, and clocks
run at one pace. Clocks of clients do not matter, and an insert that took too long counts for nothing. A pass of a
worker that began under the lease may end after it: workers are repeatable, so that costs work and never a total.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Lease", "LeaseLog", "LeaseState", "LedgerLeaseLog"]

_SECONDS: Final = 30.0
_SETTLE_SECONDS: Final = 2.0

_STATE: Final = """
SELECT
    epoch,
    holder,
    -- Also a claim that lost keeps the epoch: its rival may have been told that it won.
    is_released OR held_until <= now64(3) AS is_free
FROM leases
WHERE name = {name:String}
ORDER BY epoch DESC
LIMIT 1
"""
_CLAIM: Final = """
INSERT INTO leases_local (name, epoch, holder, claimed_at, until, is_released)
SELECT
    {name:String}, {epoch:UInt64}, {holder:String}, now64(3) AS claimed, claimed + toIntervalMillisecond({ms:UInt32}),
    {released:UInt8}
"""
_LAG: Final = """
SELECT toUnixTimestamp64Milli(now64(3)) - max(toUnixTimestamp64Milli(claimed_at)) AS ms
FROM leases_local
WHERE name = {name:String} AND epoch = {epoch:UInt64} AND holder = {holder:String}
"""


@dataclass(frozen=True, slots=True)
class LeaseState:
    """The newest epoch of a lease, as the ledger shows it now.

    Attributes:
        epoch: Its number.
        holder: Who claimed it first.
        is_free: Whether the next epoch may be claimed: this one has ended, or its holder gave it back.
    """

    epoch: int
    holder: str
    is_free: bool


class LeaseLog(Protocol):
    """Where claims are written, with a clock of its own."""

    def read(self) -> LeaseState | None:
        """The newest epoch; None while nobody has ever claimed."""
        ...

    def claim(self, epoch: int, holder: str, seconds: float) -> float:
        """Append a claim or renewal that ends ``seconds`` after it is made.

        Returns:
            Seconds from the time that the claim carries to a moment when everybody could see it.
        """
        ...

    def release(self, epoch: int, holder: str) -> None:
        """Give an epoch back before it ends."""
        ...


class LedgerLeaseLog:
    """The log in a ledger with the current schema.

    Args:
        ledger: The ledger.
        name: What the lease is for.
    """

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = ledger
        self._name = name

    def read(self) -> LeaseState | None:
        """As :meth:`LeaseLog.read`."""
        rows = self._ledger.query(_STATE, {"name": self._name})
        if not rows:
            return None
        [row] = rows
        return LeaseState(cast("int", row["epoch"]), str(row["holder"]), bool(row["is_free"]))

    def claim(self, epoch: int, holder: str, seconds: float) -> float:
        """As :meth:`LeaseLog.claim`."""
        self._append(epoch, holder, seconds, released=False)
        [row] = self._ledger.query(_LAG, {"name": self._name, "epoch": epoch, "holder": holder})
        return cast("int", row["ms"]) / 1000

    def release(self, epoch: int, holder: str) -> None:
        """As :meth:`LeaseLog.release`."""
        self._append(epoch, holder, 0, released=True)

    def _append(self, epoch: int, holder: str, seconds: float, *, released: bool) -> None:
        values = {"name": self._name, "epoch": epoch, "holder": holder, "ms": int(seconds * 1000)}
        self._ledger.command(_CLAIM, values | {"released": int(released)})


class Lease:
    """One candidate's view of a lease.

    Args:
        log: Where claims are written.
        holder: Who this is; None makes a name of host, process and a random part.
        seconds: How long a claim holds without a renewal: a successor of one that died waits that long.
        settle: Seconds in which every insert becomes visible, or counts for nothing.
        clock: A clock that only runs forward.
        pause: Waits.

    Attributes:
        holder: Who this is.
        seconds: As given; :meth:`keep` is due three times in that span.
        epoch: The number under which the lease was last held, greater than every holder's before; 0 before the first.
    """

    def __init__(  # noqa: PLR0913 - clock and pause are there for tests
        self,
        log: LeaseLog,
        *,
        holder: str | None = None,
        seconds: float = _SECONDS,
        settle: float = _SETTLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.holder = holder or f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.seconds = seconds
        self.epoch = 0
        self._log = log
        self._settle = settle
        self._clock = clock
        self._pause = pause
        self._deadline = float("-inf")

    @property
    def held(self) -> bool:
        """Whether this is the holder at this moment."""
        return self._clock() < self._deadline

    def keep(self) -> bool:
        """Renew the lease if it is held, else claim it if it is free.

        Returns:
            Whether it is held now.

        Raises:
            ClickHouseError: The ledger does not answer; what was held stays held until it ends.
        """
        return self._renew() if self.held else self._acquire()

    def release(self) -> None:
        """Give the lease back, so that another need not wait for its end; harmless when it is not held."""
        if self.held:
            self._deadline = float("-inf")
            self._log.release(self.epoch, self.holder)

    def _acquire(self) -> bool:
        state = self._log.read()
        if state is not None and not state.is_free:
            return False
        epoch = state.epoch + 1 if state else 1
        begun = self._clock()
        lag = self._log.claim(epoch, self.holder, self.seconds)
        self._pause(self._settle)
        if self._seen_in_time(lag) and self._is_mine(epoch):
            self.epoch, self._deadline = epoch, begun + self.seconds - self._settle
        return self.held

    def _renew(self) -> bool:
        begun = self._clock()
        lag = self._log.claim(self.epoch, self.holder, self.seconds)
        # What became visible after the end may have been missed by a successor.
        if self._seen_in_time(lag) and self._is_mine(self.epoch) and self.held:
            self._deadline = begun + self.seconds - self._settle
        return self.held

    def _seen_in_time(self, lag: float) -> bool:
        """Whether whoever claimed later and looked again saw the claim; half the pause is for the servers' clocks."""
        return lag < self._settle / 2

    def _is_mine(self, epoch: int) -> bool:
        state = self._log.read()
        return state is not None and (state.epoch, state.holder) == (epoch, self.holder)

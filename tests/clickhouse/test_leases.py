"""Leases: at most one holder, whatever the order of events; a successor takes over; epochs only rise."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_clickhouse.leases import Lease, LeaseState, LedgerLeaseLog

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_SECONDS, _SETTLE = 30.0, 2.0


@dataclass
class _World:
    """One clock and one log of claims; each candidate's thread runs only when it is its turn."""

    now: float = 0.0
    rows: list[tuple[int, float, str, float, bool]] = field(default_factory=list[tuple[int, float, str, float, bool]])


class _Candidate(threading.Thread):
    """A candidate that keeps the lease again and again, one step of the world at a time; it is its own log."""

    def __init__(self, world: _World, name: str) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._turn = threading.Semaphore(0)
        self._done = threading.Semaphore(0)
        self._ended = False
        self.lease = Lease(
            self, holder=name, seconds=_SECONDS, settle=_SETTLE, clock=lambda: world.now, pause=self._wait
        )
        self.start()
        self._done.acquire()

    def run(self) -> None:
        try:
            self._step()
            while True:
                self.lease.keep()
                self._step()
        except EOFError:
            self._done.release()

    def let(self) -> None:
        """Let it do one step."""
        self._turn.release()
        self._done.acquire()

    def end(self) -> None:
        self._ended = True
        self.let()
        self.join()

    def read(self) -> LeaseState | None:
        """As the SQL reads it."""
        self._step()
        if not self._world.rows:
            return None
        epoch = max(row[0] for row in self._world.rows)
        rows = [row for row in self._world.rows if row[0] == epoch]
        holder = min((claimed, name) for _, claimed, name, _, _ in rows)[1]
        released = any(gone and name == holder for _, _, name, _, gone in rows)
        return LeaseState(epoch, holder, released or max(until for *_, until, _ in rows) <= self._world.now)

    def claim(self, epoch: int, holder: str, seconds: float) -> float:
        """The claim is dated, becomes visible some time later, and is answered later still."""
        self._step()
        claimed = self._world.now
        self._step()
        self._world.rows.append((epoch, claimed, holder, claimed + seconds, False))
        self._step()
        return self._world.now - claimed

    def release(self, epoch: int, holder: str) -> None:
        """Dated and visible at once."""
        self._world.rows.append((epoch, self._world.now, holder, self._world.now, True))

    def _wait(self, seconds: float) -> None:
        until = self._world.now + seconds
        self._step()
        while self._world.now < until:
            self._step()

    def _step(self) -> None:
        self._done.release()
        self._turn.acquire()
        if self._ended:
            raise EOFError


_MOMENTS = st.sampled_from([0.0, 0.0, 0.001, 0.5, 1.9, 2.0, 5.0, 11.0, 27.9, 31.0])
_TURNS = st.tuples(st.integers(0, 2), st.integers(1, 8), _MOMENTS)


@settings(max_examples=200, deadline=None)
@given(st.lists(_TURNS, min_size=5, max_size=40))
def test_never_two_holders(schedule: list[tuple[int, int, float]]) -> None:
    """However steps, delays and slow inserts of three candidates interleave, one at most holds; epochs only rise."""
    world = _World()
    candidates = [_Candidate(world, name) for name in "abc"]
    newest = 0
    try:
        for which, steps, moment in schedule:
            world.now += moment
            for _ in range(steps):
                candidates[which].let()
            holders = [candidate.lease for candidate in candidates if candidate.lease.held]
            assert len(holders) <= 1
            for lease in holders:
                assert lease.epoch >= newest
                newest = lease.epoch
    finally:
        for candidate in candidates:
            candidate.end()


def _lease(ledger: Ledger, holder: str, clock: list[float]) -> Lease:
    return Lease(LedgerLeaseLog(ledger, "work"), holder=holder, settle=20, clock=lambda: clock[0], pause=lambda _: None)


def test_the_second_waits_for_the_first(ledger: Ledger) -> None:
    """While one holds and renews, another does not get it; given back, it is the other's under a higher epoch."""
    clock = [0.0]
    first, second = _lease(ledger, "first", clock), _lease(ledger, "second", clock)

    assert [first.keep(), second.keep(), first.keep(), second.keep()] == [True, False, True, False]
    first.release()

    assert (first.held, second.keep(), first.keep()) == (False, True, False)
    assert (first.epoch, second.epoch) == (1, 2)


def test_a_successor_takes_over_by_the_servers_time(ledger: Ledger) -> None:
    """One that stopped renewing loses the lease when the server says so, whatever clocks of clients say."""
    LedgerLeaseLog(ledger, "work").claim(1, "first", 0.3)
    second = _lease(ledger, "second", [1e9])

    while not second.keep():
        pass

    assert second.epoch == 2
    assert ledger.query("SELECT holder, epoch, held_until - held_since AS seconds FROM leases WHERE epoch = 1") == [
        {"holder": "first", "epoch": 1, "seconds": Decimal("0.300")}
    ]

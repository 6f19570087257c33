"""The moment of the ledger that a question is answered as of, whatever is committed while it is answered.

While many spans arrive a report is asked just after a load as often as not, and had to find out first what the load
brought. There a worker finds it out several times a second and publishes the moment, and for a fraction of a second
questions are answered as of that. Nobody can tell that from a load that took as much longer:

- Whoever was told something later, be it by another report or that a write is done, is answered as of then.
- What says how new the ledger is says it as of the same moment.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from spanledger_clickhouse.arrivals import Arrivals, read_arrivals
from spanledger_clickhouse.background_ledger import BackgroundLedger
from spanledger_clickhouse.rollups.family import Source
from spanledger_clickhouse.rollups.snapshot import Known, Parts, read_known, read_parts

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.distinct import Records

__all__ = ["Held", "Moment", "arrivals_now", "held_now", "known_now", "one_moment", "publish", "taking_in"]

_MOST_SECONDS: Final = 0.5
"""For so long after its beginning a published moment is answered from."""


class Held(NamedTuple):
    """Records that are held in memory, each once."""

    slices: frozenset[int]
    """The slices of which there is every record, counted from 1970."""
    records: Records
    """How they are read as they were at the moment, whatever was taken in since."""


@dataclass(frozen=True, slots=True)
class _Told:
    """How new a ledger is that somebody was told of.

    Attributes:
        arrived_ms: When the newest record arrived, as of :class:`Arrivals`; 0 where that was not told.
        changed_ms: When a record was last written; 0 where that was not told.
        blocks: By source: the newest block.
    """

    arrived_ms: int = 0
    changed_ms: int = 0
    blocks: Mapping[Source, int] = field(default_factory=dict["Source", int])

    def is_since(self, earlier: _Told) -> bool:
        """Whether everything that the earlier one tells of is in this one."""
        return self.joined(earlier) == self

    def joined(self, other: _Told) -> _Told:
        """The newer of both, each by itself."""
        return _Told(
            max(self.arrived_ms, other.arrived_ms),
            max(self.changed_ms, other.changed_ms),
            {each: max(self.blocks.get(each, 0), other.blocks.get(each, 0)) for each in Source},
        )


_NOTHING: Final = _Told()


@dataclass(slots=True)
class Moment:
    """What was found out of a ledger, each part when it was first needed.

    Attributes:
        began: When the first of it was looked for, or was about to be, in seconds of the monotonic clock.
        known: By source: what is known of its rollups.
        held: By source: the recent records in memory. Only a published moment tells.
        arrivals: When records arrived last.
        parts: The parts of the tables; a cluster's are not looked at.
        lock: Held by whoever finds something out, so that the threads of a question do it once.
    """

    began: float = field(default_factory=time.monotonic)
    known: dict[Source, Known | None] = field(default_factory=dict["Source", "Known | None"])
    held: dict[Source, Held] = field(default_factory=dict["Source", "Held"])
    arrivals: Arrivals | None = None
    parts: Parts | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def known_of(self, ledger: Ledger, source: Source) -> Known | None:
        """What is known of a source, found out through a ledger where it is not yet."""
        with self.lock:
            if source not in self.known:
                if self.parts is None and not ledger.dsn.cluster:
                    self.parts = read_parts(ledger)
                self.known[source] = read_known(ledger, source, self.parts)
            return self.known[source]

    def told(self) -> _Told:
        """How new what was found out is."""
        newest = self.arrivals or Arrivals(0, 0)
        blocks = {source: 0 if known is None else known.changed_until for source, known in self.known.items()}
        return _Told(newest.arrived_ms, newest.changed_ms, blocks)

    def newest(self, ledger: Ledger) -> Arrivals:
        """When records arrived last."""
        with self.lock:
            if self.arrivals is None:
                self.arrivals = read_arrivals(ledger)
            return self.arrivals


_current: Final[ContextVar[tuple[Ledger, Moment] | None]] = ContextVar("moment", default=None)
_published: Final[WeakKeyDictionary[Ledger, Moment]] = WeakKeyDictionary()
_told: Final[WeakKeyDictionary[Ledger, _Told]] = WeakKeyDictionary()
_lock: Final = threading.Lock()


@contextmanager
def one_moment(ledger: Ledger) -> Generator[None]:
    """Answer the questions inside the block as of one moment: a published one, or that of the first of them.

    What is committed after it may be in the answers or not. Changes that the caller makes itself may not be, so nothing
    is written inside.
    """
    adopted = None if ledger.hides_rows else _adopted(ledger.origin)
    moment = Moment() if adopted is None else adopted
    with _within(ledger, moment):
        yield
    if adopted is None:
        _note(ledger, moment)


@contextmanager
def taking_in(ledger: Ledger) -> Generator[Moment]:
    """Find out anew, inside the block, what there is; to be published afterwards.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    moment = Moment()
    with _within(ledger, moment):
        # Before anything else, so that what is found is at least as new as it says.
        moment.newest(ledger)
        yield moment


def publish(ledger: Ledger, moment: Moment) -> None:
    """Let questions be answered as of a moment of which everything is known."""
    with _lock:
        _published[ledger.origin] = moment


def known_now(ledger: Ledger, source: Source) -> Known | None:
    """As :func:`read_known`, as of the moment of the question."""
    with _moment_of(ledger) as moment:
        return moment.known_of(ledger, source)


def arrivals_now(ledger: Ledger) -> Arrivals:
    """As :func:`read_arrivals`, as of the moment of the question."""
    with _moment_of(ledger) as moment:
        return moment.newest(ledger)


def held_now(ledger: Ledger, source: Source) -> Held | None:
    """The recent records that are held in memory as of the moment of the question; None where it does not tell."""
    current = _current_of(ledger)
    return None if current is None else current.held.get(source)


@contextmanager
def _within(ledger: Ledger, moment: Moment) -> Generator[None]:
    token = _current.set((ledger.origin, moment))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def _moment_of(ledger: Ledger) -> Generator[Moment]:
    """The moment that the question is answered as of; outside of a question one for what is asked now alone."""
    if (current := _current_of(ledger)) is not None:
        yield current
        return
    alone = Moment()
    yield alone
    _note(ledger, alone)


def _current_of(ledger: Ledger) -> Moment | None:
    origin, moment = _current.get() or (None, None)
    return moment if origin is ledger.origin else None


def _adopted(origin: Ledger) -> Moment | None:
    with _lock:
        moment, told = _published.get(origin), _told.get(origin, _NOTHING)
    if moment is None or time.monotonic() - moment.began > _MOST_SECONDS:
        return None
    return moment if moment.began > origin.told_at and moment.told().is_since(told) else None


def _note(ledger: Ledger, moment: Moment) -> None:
    """Answer nobody as of an earlier moment from here on. What a worker finds out nobody was told."""
    if isinstance(ledger, BackgroundLedger):
        return
    with _lock:
        _told[ledger.origin] = _told.get(ledger.origin, _NOTHING).joined(moment.told())

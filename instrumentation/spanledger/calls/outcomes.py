"""Paid work whose outcome is known only later: one record for it, however often and wherever the outcome is seen.

An operation that runs at the provider may be asked for its result twice, in another thread, or by another process. All
of them make the same span: trace id and span id come from a hash of the provider's name for the work, and start and end
are those that the provider states. The ledger takes equal spans for one. The user is the one who asked for the work
where this process knows, else the one on whose behalf the outcome is read; where two processes name two users, or a
provider states no start and they read on two days, the ledger keeps the record that arrives first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode

from spanledger import configuration
from spanledger.clock import now_ns
from spanledger.guard import count_loss
from spanledger.identity import Identity, current_identity, with_identity
from spanledger.values import text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span, Tracer

    from spanledger.processor import LedgerProcessor
    from spanledger.values import Attribute

__all__ = ["Outcome", "Outcomes"]

REMEMBERED: Final = 65_536
"""Names kept of each kind; beyond that the oldest is forgotten, and its outcome may be sent once more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the work, as everyone who asks the provider sees it.

    Attributes:
        span_name: Name of the span.
        attributes: What the span says; with ``cost.service`` it is a cost record.
        started_at: Nanoseconds since 1970 at which the provider began; None if it does not say, and the time of asking
            is taken, or of reading where this process did not ask.
        ended_at: Nanoseconds since 1970 at which the provider ended; None if it does not say, and now is taken.
        error: Why it failed; None if it did not.
    """

    span_name: str
    attributes: Mapping[str, Attribute]
    started_at: int | None = None
    ended_at: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asked for a piece of work, and by which span."""

    identity: Identity
    link: SpanContext
    at: int = field(default_factory=now_ns)


class Outcomes:
    """Pieces of work of one provider that this process asked for, and those whose outcome it has recorded.

    Args:
        service: Tells the names of one provider from those of another.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._settled: OrderedDict[str, None] = OrderedDict()

    def ask(self, name: str, span: Span, identity: Identity | None = None) -> None:
        """Remember on whose behalf the work of that name was asked for, and by which span.

        Args:
            name: The provider's name for the work.
            span: The span of the request.
            identity: On whose behalf; None takes the current one.
        """
        asked = _Asked(identity or current_identity(), span.get_span_context())
        with self._lock:
            self._asked[name] = asked
            if len(self._asked) > REMEMBERED:
                self._asked.popitem(last=False)

    def was_asked(self, name: str) -> bool:
        """Whether this process asked for that work and has not recorded its outcome yet."""
        with self._lock:
            return name in self._asked

    def is_settled(self, name: str) -> bool:
        """Whether this process has recorded the outcome of that work."""
        with self._lock:
            return name in self._settled

    def settle(self, name: str, outcome: Outcome, reader: Identity | None = None) -> None:
        """Record the outcome, unless this process has done so before.

        Args:
            name: The provider's name for the work.
            outcome: What became of it.
            reader: On whose behalf the outcome is read, which counts where this process did not ask for the work; None
                takes the current identity.
        """
        with self._lock:
            if name in self._settled:
                return
            self._settled[name] = None
            asked = self._asked.pop(name, None)
            if len(self._settled) > REMEMBERED:
                self._settled.popitem(last=False)
        with ExitStack() as failure:
            failure.callback(self._unsettle, name, asked)
            _emit(f"{self._service}\0{name}", outcome, asked, reader or current_identity())
            failure.pop_all()

    def _unsettle(self, name: str, asked: _Asked | None) -> None:
        """What could not be recorded may be recorded next time."""
        with self._lock:
            self._settled.pop(name, None)
            if asked is not None:
                self._asked[name] = asked


class _GivenIds(IdGenerator):
    """The ids of the span that this thread is about to start: a hash of what it is about."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def derive(self, key: str) -> None:
        """Take the ids for the next span from a key."""
        digest = sha256(key.encode("utf-8", "surrogatepass")).digest()
        self._of_thread.trace_id = int.from_bytes(digest[:16]) or 1
        self._of_thread.span_id = int.from_bytes(digest[16:24]) or 1

    def generate_span_id(self) -> int:
        """The span's id."""
        given: int = self._of_thread.span_id
        return given

    def generate_trace_id(self) -> int:
        """The trace's id."""
        given: int = self._of_thread.trace_id
        return given


@dataclass(frozen=True, slots=True)
class _Source:
    """Where spans with given ids come from, for as long as the global provider and our processor stay the same."""

    owner: object
    processor: LedgerProcessor
    ids: _GivenIds
    tracer: Tracer


_SOURCES: Final[list[_Source]] = []
"""The one in use, if any: made anew it would cost more than the span."""


def _source() -> _Source | None:
    """A tracer of our own behind the same processor, with the engine's resource; None where nothing is configured."""
    owner, processor = trace.get_tracer_provider(), configuration.current_processor()
    if processor is None:
        return None
    known = _SOURCES[:1]
    if known and known[0].owner is owner and known[0].processor is processor:
        return known[0]
    ids = _GivenIds()
    provider = TracerProvider(
        sampler=ALWAYS_ON,
        resource=owner.resource if isinstance(owner, TracerProvider) else None,
        shutdown_on_exit=False,
        id_generator=ids,
    )
    provider.add_span_processor(processor)
    source = _Source(owner, processor, ids, provider.get_tracer("spanledger.outcomes", __version__))
    _SOURCES[:] = [source]
    return source


def _emit(key: str, outcome: Outcome, asked: _Asked | None, reader: Identity) -> None:
    """Send the span of an outcome through our pipeline, as a trace of its own."""
    source = _source()
    if source is None:
        count_loss("outcome", "the outcome of paid work was seen before spanledger.configure()")
        return
    started_at = outcome.started_at or (asked.at if asked else now_ns())
    source.ids.derive(key)
    span = source.tracer.start_span(
        outcome.span_name,
        with_identity(asked.identity if asked else reader, Context()),
        SpanKind.CLIENT,
        dict(outcome.attributes),
        links=[Link(asked.link)] if asked and asked.link.is_valid else None,
        start_time=started_at,
    )
    if outcome.error is not None:
        span.set_status(StatusCode.ERROR, text(outcome.error))
    span.end(max(outcome.ended_at or now_ns(), started_at))

"""The exporter that loses nothing to a collector that is away: it delivers from memory, and else from disk.

Encoded batches wait in memory only while deliveries succeed. The first that fails moves all of them to the spool, and
what comes later goes there at once, until a delivery succeeds again; then the spool is delivered, oldest first, that of
other processes of the user too. What the collector refuses for good is set aside, and does not hold up the rest.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanledger.background import run_in_background
from spanledger.exceptions import OverloadedError
from spanledger.guard import count_loss, guarded, warn_seldom
from spanledger.losses import LossReport
from spanledger.otlp import Answer, Courier, Outcome
from spanledger.spool import Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from spanledger.spool import Segment, Spool

__all__ = ["Outbox"]

MEMORY_BYTES: Final = 16 << 20
"""Bytes that wait in memory for a collector that is slow; what comes on top goes to the spool."""
LOOK_SECONDS: Final = 5.0
"""How often the spool is looked into for what ended processes have left there."""
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
"""After a failed delivery the next waits, twice as long each time, from the first to the longest."""


class Outbox(SpanExporter):
    """Takes batches, delivers them in a thread of its own, and spools what cannot be delivered now.

    Args:
        make_courier: Makes the courier to the collector; called once, and once more in each forked child.
        find_spool: Finds where batches for an endpoint wait on disk; None has no disk, and loses what neither arrives
            nor fits into memory.
    """

    _made: Courier | None
    _changed: threading.Condition
    _parcels: deque[Parcel]
    _bytes: int
    _thread: threading.Thread | None
    _closed: bool
    _asked: int
    _begun: int
    _answered: int
    _failures: int
    _away_until: float | None
    _pause: float

    def __init__(self, make_courier: Callable[[], Courier], find_spool: Callable[[str], Spool | None]) -> None:
        self._make_courier = make_courier
        self._report = LossReport()
        self._begin_empty()
        self._spool = find_spool(self._courier().endpoint)
        if hasattr(os, "register_at_fork"):
            forget = weakref.WeakMethod(self._forget_parent)
            os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def start(self) -> None:
        """Begin to deliver, first of all what is in the spool; else that begins with the first batch."""
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = run_in_background(self._work, "delivery")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode a batch, along with what was lost since the last one, and take it over; FAILURE if it is lost."""
        parcels = self._courier().pack(spans)
        report = self._report.span(spans[0].resource) if spans else None
        if report is not None:
            parcels += [Parcel(told.body, 0) for told in self._courier().pack([report])]
        self.start()
        taken = [self._take(parcel) for parcel in parcels]
        return SpanExportResult.SUCCESS if all(taken) else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Try to deliver everything now; False if it is not delivered in time, or its collector is away.

        Args:
            timeout_millis: Milliseconds to wait at most.
        """
        until = time.monotonic() + timeout_millis / 1_000
        with self._changed:
            if self._thread is None or self._closed:
                return not self._parcels
            self._asked += 1
            asked, failures = self._asked, self._failures
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: (self._answered >= asked and not self._parcels) or self._failures != failures,
                max(0.0, until - time.monotonic()),
            )
            return self._answered >= asked and not self._parcels and self._failures == failures

    def secure(self, seconds: float) -> None:
        """Deliver everything or, what is not delivered in time, leave it in the spool.

        Args:
            seconds: How long to wait for the collector at most.
        """
        self.force_flush(int(seconds * 1_000))
        with self._changed:
            self._spool_all()
            if self._spool is not None:
                self._spool.release()

    def shutdown(self) -> None:
        """Leave what has not been delivered in the spool, and stop."""
        with self._changed:
            self._closed = True
            self._spool_all()
            self._changed.notify_all()
            if self._spool is not None:
                self._spool.release()

    def _begin_empty(self) -> None:
        self._made = None  # a forked child that never sends needs none
        self._changed = threading.Condition()
        self._parcels = deque()
        self._bytes = 0
        self._thread = None
        self._closed = False
        self._asked = 0  # flushes so far
        self._begun = 0  # of them, those that the thread is at
        self._answered = 0  # of them, those that have been delivered for, or in vain
        self._failures = 0
        self._away_until = None
        self._pause = FIRST_PAUSE_SECONDS

    def _courier(self) -> Courier:
        with self._changed:
            if self._made is None:
                self._made = self._make_courier()
            return self._made

    def _forget_parent(self) -> None:
        """A forked child has a connection of its own, and leaves the parent's batches to the parent."""
        with guarded("outbox.fork"):
            if self._spool is not None:
                self._spool.release()
            self._report = LossReport()
            self._begin_empty()

    def _take(self, parcel: Parcel) -> bool:
        with self._changed:
            no_room = self._bytes + len(parcel.body) > MEMORY_BYTES
            nowhere_else = no_room or self._closed
            if (self._away_until is not None or nowhere_else) and self._keep(parcel, last=nowhere_else):
                return True
            if nowhere_else:
                return False
            self._parcels.append(parcel)
            self._bytes += len(parcel.body)
            self._changed.notify_all()
            return True

    def _spool_all(self) -> None:
        """Move what waits in memory to the spool; where that is not possible it goes on waiting in memory."""
        while self._parcels:
            if not self._keep(self._parcels[0], last=self._closed) and not self._closed:
                return
            self._bytes -= len(self._parcels.popleft().body)

    def _keep(self, parcel: Parcel, *, last: bool) -> bool:
        """Spool a parcel; False if that is not possible, which loses it if there is no other place."""
        try:
            if self._spool is not None:
                self._spool.append(parcel)
                return True
            reason = "there is no spool"
        except (OverloadedError, OSError) as error:
            reason = f"{type(error).__name__}: {error}"
        if last:
            count_loss("spool", f"{parcel.spans} spans could not be kept: {reason}", count=parcel.spans)
        return False

    def _work(self) -> None:
        while not self._closed:
            self._begun = self._asked
            with guarded("outbox.deliver"):
                self._deliver_memory()
                self._deliver_spool()
            with self._changed:
                self._answered = max(self._answered, self._begun)
                self._changed.notify_all()
                self._changed.wait_for(self._has_something_to_do, self._seconds_to_wait())
        with guarded("outbox.close"):
            self._courier().close()

    def _has_something_to_do(self) -> bool:
        return self._closed or self._asked > self._answered or (bool(self._parcels) and self._away_until is None)

    def _seconds_to_wait(self) -> float:
        return LOOK_SECONDS if self._away_until is None else max(0.0, self._away_until - time.monotonic())

    def _is_time_to_try(self) -> bool:
        return not self._closed and (
            self._begun > self._answered or self._away_until is None or time.monotonic() >= self._away_until
        )

    def _deliver_memory(self) -> None:
        while self._is_time_to_try() and (parcel := self._first()) is not None:
            answer = self._courier().deliver(parcel)
            with self._changed:
                if not self._note(answer, parcel):
                    return
                if self._parcels and self._parcels[0] is parcel:  # else an ending process has spooled it meanwhile
                    self._bytes -= len(self._parcels.popleft().body)
                self._changed.notify_all()

    def _first(self) -> Parcel | None:
        with self._changed:
            return self._parcels[0] if self._parcels else None

    def _deliver_spool(self) -> None:
        spool = self._spool
        while spool is not None and self._is_time_to_try() and not spool.is_empty():
            with self._changed:  # closes the segment that _take may be writing
                spool.release()
            with spool.oldest() as segment:
                if segment is None:
                    break  # others are at it
                if not self._deliver_segment(segment):
                    return
        if self._away_until is not None and self._is_time_to_try():
            self._away_until = None  # nothing is left to try it with; the next batch will

    def _deliver_segment(self, segment: Segment) -> bool:
        """Deliver a segment and remove it; False if the collector is away, and it stays."""
        for parcel in segment.parcels():
            answer = self._courier().deliver(parcel)
            with self._changed:
                if not self._note(answer, parcel):
                    return False
        if segment.is_torn:
            count_loss("spool.torn", "a process died while it was writing its last batch to the spool")
        segment.remove()
        return True

    def _note(self, answer: Answer, parcel: Parcel) -> bool:
        """Draw the conclusions of an answer; False if the collector is away."""
        if answer.outcome is Outcome.AWAY:
            self._failures += 1
            self._answered = self._asked
            self._away_until = time.monotonic() + (answer.retry_after or self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            warn_seldom("away", f"no delivery to {self._courier().endpoint}, spans wait: {answer.reason}")
            # Whoever waits for a flush goes on now, and may be killed: also where it was the spool that failed.
            self._spool_all()
            self._changed.notify_all()
            return False
        self._away_until, self._pause = None, FIRST_PAUSE_SECONDS
        if answer.outcome is Outcome.REFUSED:
            count_loss("refused", f"the collector refuses {parcel.spans} spans: {answer.reason}", count=parcel.spans)
            with guarded("outbox.set_aside"):
                if self._spool is not None:
                    self._spool.set_aside(parcel)
        return True

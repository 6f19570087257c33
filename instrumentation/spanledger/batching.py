"""The queue between the engine's threads, which end spans, and the one thread that prices and encodes them.

Putting a span is an append: no lock is taken, so that a signal handler may do it anywhere. The thread never waits for
the network; so the queue empties as fast as spans can be encoded, and its limit is for bursts, not for outages.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.trace.export import SpanExportResult

from spanledger.background import run_in_background
from spanledger.guard import count_loss, guarded

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from spanledger.export import PricingExporter

__all__ = ["BatchQueue"]

QUEUE_SPANS: Final = 65_536
"""Spans that may wait for encoding; what ends beyond that is lost. About 200 MiB at the worst."""
BATCH_SPANS: Final = 2_048
"""Spans in one batch at most."""
WAKING_SPANS: Final = 8_192
"""So many do not wait any longer. Encoding at once would make the engine's threads wait for the interpreter's lock."""
DELAY_SECONDS: Final = 1.0
"""How long a span waits for others; also what a killed process loses."""
STALLED_SECONDS: Final = 1.0
"""An ending process waits beyond its time while spans are still being encoded, but not once nothing moves so long."""


class BatchQueue:
    """Batches ended spans for the exporter, in a thread that starts with the first span.

    Args:
        exporter: Takes the batches.
        most_spans: Spans that may wait; what comes on top is counted as lost under ``queue``.
    """

    _spans: deque[ReadableSpan]
    _calls: SimpleQueue[threading.Event | None]
    _thread: threading.Thread | None
    _starting: threading.Lock
    _woken: bool
    _closed: bool
    _encoded: int

    def __init__(self, exporter: PricingExporter, *, most_spans: int = QUEUE_SPANS) -> None:
        self._exporter = exporter
        self._most_spans = most_spans
        self._begin_empty()
        if hasattr(os, "register_at_fork"):
            forget = weakref.WeakMethod(self._forget_parent)
            os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def put(self, span: ReadableSpan) -> None:
        """Queue an ended span, unless it is not sampled."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        if len(self._spans) >= self._most_spans:
            count_loss("queue", "the queue is full: a span was dropped")
            return
        self._spans.append(span)
        if self._thread is None:
            self._start()
        if len(self._spans) >= WAKING_SPANS and not self._woken:
            self._woken = True
            self._calls.put(None)

    def flush(self, seconds: float) -> bool:
        """Deliver what has ended so far; False if it is not delivered in time, or was lost or left for later.

        Args:
            seconds: How long to wait at most.
        """
        until = time.monotonic() + seconds
        lost = self._exporter.lost
        return (
            self._encode_all(seconds)
            and self._exporter.force_flush(max(0, int((until - time.monotonic()) * 1_000)))
            and self._exporter.lost == lost
        )

    def secure(self, seconds: float) -> None:
        """Deliver what has ended so far, or leave it where it outlives the process.

        Args:
            seconds: How long to wait for the collector at most.
        """
        until = time.monotonic() + seconds
        self._encode_while_it_moves(seconds)
        self._exporter.secure(max(0.0, until - time.monotonic()))

    def close(self, seconds: float) -> None:
        """Do what :meth:`secure` does and stop; what could not be saved is counted as lost under ``exit``."""
        self._exporter.give_up_in(seconds)
        self.secure(seconds)
        self._closed = True
        self._calls.put(None)
        if self._spans:
            count_loss("exit", "the process ended before its spans were encoded", count=len(self._spans))
        self._exporter.shutdown()

    def _begin_empty(self) -> None:
        self._spans = deque()
        self._calls = SimpleQueue()
        self._thread = None
        self._starting = threading.Lock()
        self._woken = False
        self._closed = False
        self._encoded = 0

    def _forget_parent(self) -> None:
        """A forked child begins with an empty queue and without the thread, which stayed behind."""
        self._begin_empty()

    def _start(self) -> None:
        if self._starting.acquire(blocking=False):  # whoever comes second leaves it to the first
            try:
                if self._thread is None:
                    self._thread = run_in_background(self._work, "batches")
            finally:
                self._starting.release()

    def _encode_all(self, seconds: float) -> bool:
        """Have the thread encode everything; False if it has not within so many seconds."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._calls.put(done)
        return done.wait(max(0.0, seconds))

    def _encode_while_it_moves(self, seconds: float) -> None:
        encoded, wait = -1, seconds
        while not self._encode_all(wait) and encoded != self._encoded:
            encoded, wait = self._encoded, STALLED_SECONDS

    def _work(self) -> None:
        while not self._closed:
            done = self._next_call()
            self._woken = False
            with guarded("queue.export"):
                self._export_all()
            if done is not None:
                done.set()

    def _next_call(self) -> threading.Event | None:
        """Wait until spans have waited long enough, or somebody calls; whom to tell when it is done, if anybody."""
        try:
            return self._calls.get(timeout=DELAY_SECONDS)
        except Empty:
            return None

    def _export_all(self) -> None:
        """Export what is there now, and not what comes meanwhile, batch by batch."""
        waiting = len(self._spans)
        while waiting > 0:
            size = min(BATCH_SPANS, waiting)
            waiting -= size
            if self._exporter.export([self._spans.popleft() for _ in range(size)]) is SpanExportResult.SUCCESS:
                self._encoded += size

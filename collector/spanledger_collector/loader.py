"""Loads closed segments, each as a whole, and sets aside what cannot be loaded."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger.exceptions import InvalidRequestError
from spanledger_collector.frames import frame, read_frames
from spanledger_collector.requests import canonical
from spanledger_collector.segments import PART

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spanledger_collector.quarantine import Quarantine
    from spanledger_collector.segments import SegmentLog
    from spanledger_collector.sinks import Sink

__all__ = ["Loader", "LoaderCounts"]

_log = logging.getLogger(__name__)

_OUTSIDE_CAUSES: Final = {
    74: "CANNOT_READ_FROM_FILE_DESCRIPTOR",
    75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
    76: "CANNOT_OPEN_FILE",
    159: "TIMEOUT_EXCEEDED",
    173: "CANNOT_ALLOCATE_MEMORY",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    394: "QUERY_WAS_CANCELLED",
}
"""ClickHouse error codes that say nothing about a segment's content, so that the same may succeed later."""

_FIRST_RETRY_SECONDS: Final = 0.1
_LAST_RETRY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How one attempt ended: with no error, or with one that another attempt may or may not get past."""

    error: str = ""
    again: bool = False

    @property
    def loaded(self) -> bool:
        """Whether the attempt succeeded."""
        return not self.error


@dataclass(slots=True)
class LoaderCounts:
    """What the loader did since it was made.

    Attributes:
        segments: Segments whose every request was loaded or set aside.
        bytes: Their length on disk.
        retries: Attempts that failed for reasons outside the segment.
        quarantined: Requests that were set aside.
    """

    segments: int = 0
    bytes: int = 0
    retries: int = 0
    quarantined: int = 0


class Loader:
    """Takes closed segments and loads them, a few side by side.

    Args:
        sink: Where the spans go.
        log: Where the segments come from.
        quarantine: Where requests go that cannot be loaded.
        threads: How many segments are loaded at the same time.
    """

    def __init__(self, sink: Sink, log: SegmentLog, quarantine: Quarantine, threads: int = 1) -> None:
        self.counts = LoaderCounts()
        self._sink = sink
        self._segments = log
        self._quarantine = quarantine
        self._abandoned = threading.Event()
        self._threads = [
            threading.Thread(target=self._load_until_stopped, name=f"segment-loader-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin loading."""
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until every segment of a stopped log is loaded; after ``timeout`` seconds leave the rest on disk.

        Returns:
            Whether everything was loaded. What was not is loaded by the next process.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        self._abandoned.set()
        return not any(thread.is_alive() for thread in self._threads)

    def _load_until_stopped(self) -> None:
        while (path := self._segments.next_closed()) is not None:
            if not self._load_segment(path):
                return
            self.counts.bytes += self._segments.remove(path)
            self.counts.segments += 1

    def _load_segment(self, path: Path) -> bool:
        """Load one segment whatever it takes; False if the wait for the ledger was abandoned."""
        patience = _FIRST_RETRY_SECONDS
        while (outcome := self._try(path, token=path.stem)).again:
            self.counts.retries += 1
            if self._abandoned.wait(patience):
                return False
            patience = min(2 * patience, _LAST_RETRY_SECONDS)
        if outcome.loaded:
            return True
        return self._load_requests(path, list(read_frames(path.read_bytes())))

    def _load_requests(self, path: Path, bodies: Sequence[bytes]) -> bool:
        """Load what of an unreadable segment can be read: halve it until the culprits are alone, set those aside."""
        part = path.with_suffix(PART)
        pending = [(f"{path.stem}-0", list(map(_canonical_or_same, bodies)))]
        while pending:
            token, group = pending.pop()
            part.write_bytes(b"".join(map(frame, group)))
            outcome = self._try(part, token=token)
            if outcome.again:
                self.counts.retries += 1
                pending.append((token, group))
                if self._abandoned.wait(_FIRST_RETRY_SECONDS):
                    return False
            elif not outcome.loaded and len(group) > 1:
                middle = len(group) // 2
                pending += [(f"{token}1", group[middle:]), (f"{token}0", group[:middle])]
            elif not outcome.loaded:
                self.counts.quarantined += 1
                self._quarantine.add(group[0], reason=outcome.error)
        part.unlink(missing_ok=True)
        return True

    def _try(self, path: Path, token: str) -> _Outcome:
        try:
            self._sink.load(path, token)
        except DatabaseError as error:
            _log.warning("Segment %s was not loaded: %s", path.name, error)
            return _Outcome(str(error), again=error.code is None or error.code in _OUTSIDE_CAUSES)
        return _Outcome()


def _canonical_or_same(body: bytes) -> bytes:
    try:
        return canonical(body)
    except InvalidRequestError:
        return body

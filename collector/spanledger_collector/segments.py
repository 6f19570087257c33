"""The write-ahead log: requests are on disk before they are acknowledged.

Files in the directory of segments:

- ``<time>-<random>.open``: the segment being written. Requests that arrive together share one write and one sync.
- ``<time>-<random>.segment``: a closed segment, to be loaded and then removed.
- ``<time>-<random>.part``: a piece of one that could not be loaded whole; of no use to a later process.

A closed segment is named once and for all, so that loading it again can be told from loading another one.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import OverloadedError
from spanledger_collector.frames import whole_length

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

__all__ = ["PART", "SegmentLimits", "SegmentLog"]

PART: Final = ".part"

_OPEN: Final = ".open"
_CLOSED: Final = ".segment"
_DISK_CHECK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class SegmentLimits:
    """When a segment is closed, and how much may wait.

    Attributes:
        close_bytes: A segment this large is closed at once.
        close_seconds: A smaller one is closed at this age, once the loader has nothing else to do.
        busy_bytes: One that is larger than this at that age is closed at ``busy_close_seconds``: each load costs the
            engine parts in every table, which it has to merge, however few spans are in it.
        busy_close_seconds: That age.
        pending_bytes: More than this on disk and not yet loaded, and new requests are refused.
        unwritten_bytes: More than this in memory and not yet on disk, and new requests are refused.
        free_disk_bytes: Less than this free on the disk, and new requests are refused: the engine needs room to merge.
    """

    close_bytes: int = 16 * 1024**2
    close_seconds: float = 0.1
    busy_bytes: int = 128 * 1024
    busy_close_seconds: float = 0.5
    pending_bytes: int = 2 * 1024**3
    unwritten_bytes: int = 128 * 1024**2
    free_disk_bytes: int = 512 * 1024**2


@dataclass(slots=True)
class _OpenSegment:
    path: Path
    descriptor: int
    born: float
    length: int = 0


@dataclass(slots=True)
class _Waiting:
    frames: list[bytes] = field(default_factory=list[bytes])
    length: int = 0
    futures: list[Future[None]] = field(default_factory=list["Future[None]"])


class SegmentLog:
    """Appends requests to segments in one thread and hands closed segments on in the order they were written.

    Args:
        directory: Where the segments lie; created if absent.
        limits: When to close and when to refuse.
    """

    def __init__(self, directory: Path, limits: SegmentLimits | None = None) -> None:
        self.directory = directory
        self.limits = limits or SegmentLimits()
        self._changed = threading.Condition()
        self._waiting = _Waiting()
        self._closed: deque[Path] = deque()
        self._sizes: dict[Path, int] = {}
        self._idle_loaders = 0
        self._stopping = False
        self._finished = False
        self._disk_is_full = False
        self._segment: _OpenSegment | None = None
        self._thread = threading.Thread(target=self._write_until_stopped, name="segment-writer", daemon=True)

    def start(self) -> None:
        """Take over what an earlier process left behind, then accept requests."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for path in self.directory.glob(f"*{PART}"):
            path.unlink()
        for path in sorted(self.directory.glob(f"*{_OPEN}")):
            self._close_leftover(path)
        for path in sorted(self.directory.glob(f"*{_CLOSED}")):
            self._hand_on(path, path.stat().st_size)
        self._thread.start()

    def append(self, framed: bytes, future: Future[None]) -> None:
        """Write one request, given as a frame; the future is done once it is synced, or carries the error.

        Raises:
            OverloadedError: Too much waits to be loaded, or the log is stopping. Nothing was written.
        """
        with self._changed:
            if refusal := self._refusal(len(framed)):
                raise OverloadedError(refusal)
            self._waiting.frames.append(framed)
            self._waiting.length += len(framed)
            self._waiting.futures.append(future)
            self._changed.notify_all()

    def _refusal(self, length: int) -> str | None:
        """Why a request of this length cannot be taken now; None if it can."""
        if self._stopping:
            return "The collector is stopping."
        if self.pending_bytes > self.limits.pending_bytes:
            return f"{self.pending_bytes} bytes wait to be loaded, over the limit of {self.limits.pending_bytes}."
        if self._waiting.length + length > self.limits.unwritten_bytes:
            return f"{self._waiting.length} bytes wait to be written, near the limit of {self.limits.unwritten_bytes}."
        if self._disk_is_full:
            return f"The disk of {self.directory} has less than {self.limits.free_disk_bytes} bytes free."
        return None

    @property
    def pending_bytes(self) -> int:
        """Bytes on disk that are not loaded yet."""
        return sum(self._sizes.values()) + (self._segment.length if self._segment else 0)

    @property
    def pending_segments(self) -> int:
        """Closed segments that are not loaded yet."""
        return len(self._sizes)

    @property
    def oldest_pending_ns(self) -> int | None:
        """When the oldest segment that is not loaded was begun, in nanoseconds since the epoch; None if all are."""
        with self._changed:
            paths = [*self._sizes, *([self._segment.path] if self._segment else [])]
        return min((int(path.name.partition("-")[0]) for path in paths), default=None)

    def next_closed(self) -> Path | None:
        """Wait for the oldest closed segment; None once the log has stopped and every segment was taken."""
        with self._changed:
            self._idle_loaders += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or self._finished)
            self._idle_loaders -= 1
            return self._closed.popleft() if self._closed else None

    def remove(self, path: Path) -> int:
        """Forget a segment whose every request is in the ledger or set aside; returns its length in bytes."""
        path.unlink(missing_ok=True)
        with self._changed:
            return self._sizes.pop(path, 0)

    def stop(self) -> None:
        """Write what was accepted, close the open segment and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _write_until_stopped(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, self._patience())
                batch, self._waiting = self._waiting, _Waiting()
                stopping = self._stopping
            if batch.frames:
                self._write(batch)
            self._disk_is_full = self._free_disk_bytes() < self.limits.free_disk_bytes
            if self._segment is not None and (stopping or self._is_due(self._segment)):
                self._close(self._segment)
            if stopping and not batch.frames:
                return

    def _has_work(self) -> bool:
        due = self._segment is not None and self._is_due(self._segment)
        return bool(self._waiting.frames) or self._stopping or due

    def _free_disk_bytes(self) -> int:
        state = os.statvfs(self.directory)
        return state.f_bavail * state.f_frsize

    def _patience(self) -> float | None:
        """Seconds until something may have changed without notice; None while nothing can."""
        if self._segment is None:
            return _DISK_CHECK_SECONDS if self._disk_is_full else None
        return max(0.01, self._segment.born + self._closing_age(self._segment) - time.monotonic())

    def _closing_age(self, segment: _OpenSegment) -> float:
        is_busy = segment.length > self.limits.busy_bytes
        return self.limits.busy_close_seconds if is_busy else self.limits.close_seconds

    def _is_due(self, segment: _OpenSegment) -> bool:
        old = time.monotonic() - segment.born >= self._closing_age(segment)
        return segment.length >= self.limits.close_bytes or (old and self._idle_loaders > 0 and not self._closed)

    def _write(self, batch: _Waiting) -> None:
        try:
            segment = self._segment = self._segment or self._open()
            _write_all(segment.descriptor, b"".join(batch.frames))
            os.fdatasync(segment.descriptor)
        except OSError as error:
            self._cut_off_unwritten()
            reason = f"The write-ahead log in {self.directory} cannot be written: {error.strerror}."
            _settle(batch.futures, lambda future: future.set_exception(OverloadedError(reason)))
            return
        segment.length += sum(map(len, batch.frames))
        _settle(batch.futures, lambda future: future.set_result(None))

    def _cut_off_unwritten(self) -> None:
        """Remove what a failed write left, which nobody was promised, so that the next frame begins where it did."""
        segment = self._segment
        if segment is None:
            return
        try:
            os.ftruncate(segment.descriptor, segment.length)
        except OSError:
            # The loader reads whole frames only, so the rest of this segment is safe as it is; go on in a new one.
            self._close(segment)

    def _open(self) -> _OpenSegment:
        path = self.directory / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}{_OPEN}"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        _sync_directory(self.directory)
        return _OpenSegment(path, descriptor, time.monotonic())

    def _close(self, segment: _OpenSegment) -> None:
        os.close(segment.descriptor)
        closed = segment.path.with_suffix(_CLOSED)
        segment.path.rename(closed)
        self._segment = None
        self._hand_on(closed, segment.length)

    def _close_leftover(self, path: Path) -> None:
        """Close a segment whose writer is gone, without the part that was cut short."""
        length = whole_length(path.read_bytes())
        if length == 0:
            path.unlink()
            return
        os.truncate(path, length)
        path.rename(path.with_suffix(_CLOSED))

    def _hand_on(self, path: Path, length: int) -> None:
        with self._changed:
            self._sizes[path] = length
            self._closed.append(path)
            self._changed.notify_all()


def _settle(futures: list[Future[None]], settle: Callable[[Future[None]], None]) -> None:
    for future in futures:
        if future.set_running_or_notify_cancel():
            settle(future)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

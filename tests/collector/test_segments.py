"""The write-ahead log: acknowledged means on disk."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import OverloadedError
from spanledger_collector.frames import frame, read_frames
from spanledger_collector.segments import SegmentLimits, SegmentLog

if TYPE_CHECKING:
    from pathlib import Path


def _append(log: SegmentLog, body: bytes) -> Future[None]:
    future: Future[None] = Future()
    log.append(frame(body), future)
    return future


def _drain(log: SegmentLog) -> list[bytes]:
    """Everything in closed segments, in order, as a loader would take it."""
    bodies: list[bytes] = []
    while (path := log.next_closed()) is not None:
        bodies += read_frames(path.read_bytes())
        log.remove(path)
    return bodies


def test_a_done_future_means_on_disk(tmp_path: Path) -> None:
    """When the future is done, the request is in a file, whatever happens to this process."""
    log = SegmentLog(tmp_path)
    log.start()
    _append(log, b"kept").result(5)

    [path] = tmp_path.iterdir()
    assert list(read_frames(path.read_bytes())) == [b"kept"]
    log.stop()


def test_everything_is_handed_on_in_order(tmp_path: Path) -> None:
    """Segments come out in the order of the appends, each request once, and the directory ends empty."""
    log = SegmentLog(tmp_path, SegmentLimits(close_bytes=200))
    log.start()
    bodies = [b"%d" % number * 10 for number in range(200)]
    wait([_append(log, body) for body in bodies])
    log.stop()

    assert _drain(log) == bodies
    assert list(tmp_path.iterdir()) == []
    assert log.pending_bytes == 0


def test_few_requests_are_handed_on_soon_and_many_at_once_together(tmp_path: Path) -> None:
    """A small segment is closed at the first age; one that fills quickly goes on until the second."""
    log = SegmentLog(tmp_path, SegmentLimits(close_seconds=0, busy_bytes=100, busy_close_seconds=3600))
    log.start()
    with ThreadPoolExecutor(1) as loader:
        few = loader.submit(log.next_closed)
        _append(log, b"few")
        assert few.result(5) is not None
        many = loader.submit(log.next_closed)
        for _ in range(3):
            _append(log, b"x" * 200).result(5)
        log.stop()
        path = many.result(5)

    assert path is not None
    assert list(read_frames(path.read_bytes())) == [b"x" * 200] * 3


def test_too_much_waiting_is_refused(tmp_path: Path) -> None:
    """Over the limit of bytes that wait, an append is refused, and taken again once the loader caught up."""
    log = SegmentLog(tmp_path, SegmentLimits(close_bytes=1, pending_bytes=100))
    log.start()
    _append(log, b"x" * 200).result(5)

    with pytest.raises(OverloadedError, match="over the limit of 100"):
        _append(log, b"y")

    path = log.next_closed()
    assert path is not None
    log.remove(path)
    _append(log, b"y").result(5)
    log.stop()


def test_a_full_disk_refuses_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """A write that fails half-way is refused and cut off; what was acknowledged before and after it is read back."""
    script = """
import resource, sys
from concurrent.futures import Future
from pathlib import Path
from spanledger.exceptions import OverloadedError
from spanledger_collector.frames import frame
from spanledger_collector.segments import SegmentLog

def append(body):
    future = Future()
    log.append(frame(body), future)
    return future.exception(5)

log = SegmentLog(Path(sys.argv[1]))
log.start()
assert append(b"before") is None
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
error = append(b"x" * 5000)
assert isinstance(error, OverloadedError), error
print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert append(b"after") is None
"""
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=30
    )

    assert "cannot be written" in told.stdout
    kept = [body for path in sorted(tmp_path.iterdir()) for body in read_frames(path.read_bytes())]
    assert kept == [b"before", b"after"]

"""However a process ends, what it spent is delivered; and a collector that is gone holds nobody up."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from spanledger.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.loopback import Loopback

NO_CLIENTS = "import sys; sys.modules.update(openai=None, botocore=None)"
"""Neither is needed here, and importing both takes seconds."""

ENGINE = (
    NO_CLIENTS
    + """
import os, signal, sys
{before}
import spanledger
spanledger.configure(endpoint={url!r})
with spanledger.step("work"): pass
{after}
"""
)


def engine(url: str, *, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    """Run an engine to its end."""
    program = ENGINE.format(url=url, before=before, after=after)
    return subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)


def spooled(directory: Path) -> int:
    """How many spans wait below a directory."""
    count = 0
    for endpoint in directory.iterdir():
        spool = Spool(endpoint, 1 << 30)
        while not spool.is_empty():
            with spool.oldest() as segment:
                assert segment is not None
                count += sum(parcel.spans for parcel in segment.parcels())
                assert not segment.is_torn
                segment.remove()
    return count


def test_sigterm_loses_nothing_and_ends_by_the_signal(loopback: Loopback) -> None:
    """The exit status is that of a process without Spanledger."""
    loopback.bodies.clear()
    ended = engine(loopback.url, after="os.kill(os.getpid(), signal.SIGTERM); signal.pause()")

    assert ended.returncode == -signal.SIGTERM
    assert loopback.span_names() == ["step work"]


def test_the_engines_own_handler_still_decides(loopback: Loopback) -> None:
    """It is called after the flush, with the signal, even if it ends the process on the spot."""
    loopback.bodies.clear()
    handler = "signal.signal(signal.SIGTERM, lambda number, frame: os._exit(number + 2))"
    ended = engine(loopback.url, before=handler, after="os.kill(os.getpid(), signal.SIGTERM); signal.pause()")

    assert ended.returncode == signal.SIGTERM + 2
    assert loopback.span_names() == ["step work"]


def test_an_ignored_sigterm_stays_ignored(loopback: Loopback) -> None:
    """The engine goes on and ends on its own."""
    loopback.bodies.clear()
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    ended = engine(loopback.url, before=ignore, after="os.kill(os.getpid(), signal.SIGTERM); sys.exit(3)")

    assert ended.returncode == 3
    assert loopback.span_names() == ["step work"]


def test_configuring_outside_the_main_thread_works(loopback: Loopback) -> None:
    """No signal handler can be set there; export and exit work as ever."""
    loopback.bodies.clear()
    program = f"""
{NO_CLIENTS}
import threading, signal, spanledger
def main():
    spanledger.configure(endpoint={loopback.url!r})
    with spanledger.step("threaded"): pass
thread = threading.Thread(target=main)
thread.start()
thread.join()
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)

    assert loopback.span_names() == ["step threaded"]


@pytest.mark.parametrize("method", ["fork", "raw"])
def test_a_forked_child_delivers_its_own_spans(loopback: Loopback, method: str) -> None:
    """Parent and child each deliver theirs once, over connections of their own."""
    loopback.bodies.clear()
    fork = (
        "import multiprocessing\nprocess = multiprocessing.get_context('fork').Process(target=child)\n"
        "process.start(); process.join()"
        if method == "fork"
        else "pid = os.fork()\nif pid == 0:\n    child(); spanledger.flush(); os._exit(0)\nos.waitpid(pid, 0)"
    )
    child = "def child():\n    with spanledger.step('child'): pass\nspanledger.flush()\n"
    ended = engine(loopback.url, after=f"{child}{fork}\nwith spanledger.step('after'): pass")

    assert ended.returncode == 0, ended.stderr
    assert sorted(loopback.span_names()) == ["step after", "step child", "step work"]
    connections = dict(zip(loopback.span_names(), loopback.ports[-3:], strict=True))
    assert connections["step child"] not in (connections["step work"], connections["step after"])


def test_a_collector_that_is_gone_holds_nobody_up(tmp_path: Path) -> None:
    """The exit takes as long as it may at most, whatever waits, and all of it is left in the spool."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        started = time.monotonic()
        limit = f"os.environ.update(SPANLEDGER_EXIT_SECONDS='1', SPANLEDGER_SPOOL_DIR={str(tmp_path)!r})"
        ended = engine(url, before=limit, after="for _ in range(10_000): spanledger.step('more').__enter__().end()")

    assert ended.returncode == 0
    assert time.monotonic() - started < 10
    assert spooled(tmp_path) == 10_001

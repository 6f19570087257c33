"""However a process ends, what it spent is delivered; and a collector that is gone holds nobody up."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

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
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a runner under nohup would hand down that it is ignored
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


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_an_ignored_signal_stays_ignored(loopback: Loopback, name: str) -> None:
    """The engine goes on and ends on its own, as one that was started under nohup is meant to."""
    loopback.bodies.clear()
    ignore = f"signal.signal(signal.{name}, signal.SIG_IGN)"
    ended = engine(loopback.url, before=ignore, after=f"os.kill(os.getpid(), signal.{name}); sys.exit(3)")

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


def received(loopback: Loopback) -> dict[str, tuple[str, str]]:
    """Status and message by name of every span received over OTLP."""
    requests = [ExportTraceServiceRequest.FromString(body) for body in loopback.bodies]
    return {
        span.name: (attributes.get("execution.status", ""), span.status.message)
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        for attributes in [{pair.key: pair.value.string_value for pair in span.attributes}]
    }


INTERRUPTED = """
spanledger.record_cost(service='s3', operation='upload', quantity=1, unit='GB')
with spanledger.execution('task', user_id='user-1'), spanledger.step('frames'):
    {ending}
"""


@pytest.mark.parametrize(
    ("ending", "code", "status"),
    [
        ("os.kill(os.getpid(), signal.SIGTERM); signal.pause()", -signal.SIGTERM, ("failed", "terminated")),
        ("os.kill(os.getpid(), signal.SIGHUP); signal.pause()", -signal.SIGHUP, ("failed", "terminated")),
        ("os._exit(3)", 3, ("failed", "terminated")),
        ("os._exit(0)", 0, ("completed", "")),
        ("sys.exit(3)", 3, ("failed", "SystemExit: 3")),
    ],
)
def test_an_execution_ends_with_its_process(
    loopback: Loopback, ending: str, code: int, status: tuple[str, str]
) -> None:
    """However it ends, the execution, its step and its cost are in the ledger, and the exit code is the engine's."""
    loopback.bodies.clear()
    ended = engine(loopback.url, after=INTERRUPTED.format(ending=ending))

    assert ended.returncode == code
    spans = received(loopback)
    assert spans["execution task"] == status
    assert spans["step frames"][1] == status[1]
    assert "s3 upload" in spans


def test_an_open_block_in_a_daemon_thread_ends_too(loopback: Loopback) -> None:
    """The interpreter ends such a thread without unwinding it."""
    loopback.bodies.clear()
    program = (
        "import threading\nentered = threading.Event()\n"
        "def work():\n    with spanledger.execution('task'):\n        entered.set(); threading.Event().wait()\n"
        "threading.Thread(target=work, daemon=True).start()\nentered.wait()\n"
    )
    assert engine(loopback.url, after=program).returncode == 0

    assert received(loopback)["execution task"] == ("failed", "terminated")


WORKERS = """
import multiprocessing, os, sys
import spanledger
def work(number):
    spanledger.configure(endpoint={url!r})
    with spanledger.step(f"child {{number}}"): pass
    {ending}
if __name__ == "__main__":
    spanledger.configure(endpoint={url!r})
    with spanledger.step("parent"): pass
    context = multiprocessing.get_context({method!r})
    children = [context.Process(target=work, args=(number,)) for number in range(3)]
    for child in children: child.start()
    for child in children: child.join()
    print([child.exitcode for child in children])
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize(("ending", "code"), [("pass", 0), ("os._exit(4)", 4), ("sys.exit(5)", 5)])
def test_workers_deliver_their_own_spans(
    loopback: Loopback, tmp_path: Path, method: str, ending: str, code: int
) -> None:
    """Forked or spawned, and however they end; each span arrives once."""
    loopback.bodies.clear()
    script = tmp_path / "workers.py"
    script.write_text(WORKERS.format(url=loopback.url, method=method, ending=ending))
    ended = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, text=True, timeout=60)

    assert ended.stdout == f"{[code] * 3}\n"
    assert sorted(loopback.span_names()) == ["step child 0", "step child 1", "step child 2", "step parent"]


def test_a_child_does_not_end_its_parents_execution(loopback: Loopback) -> None:
    """It is open in both, and the parent's to end."""
    loopback.bodies.clear()
    program = (
        "with spanledger.execution('task'):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        with spanledger.step('child'): pass\n"
        "        os._exit(1)\n"
        "    os.waitpid(pid, 0)\n"
    )
    assert engine(loopback.url, after=program).returncode == 0

    assert received(loopback)["execution task"] == ("completed", "")
    assert received(loopback)["step child"] == ("", "")
    assert loopback.span_names().count("execution task") == 1


def test_a_worker_whose_server_took_over_the_signals(loopback: Loopback) -> None:
    """Servers of processes set handlers after the configuration, fork, and end their workers by sys.exit."""
    loopback.bodies.clear()
    program = (
        "def worker():\n"
        "    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))\n"
        "    with spanledger.step('request'): pass\n"
        "    os.write(ready, b'.')\n"
        "    signal.pause()\n"
        "asked, ready = os.pipe()\n"
        "pids = []\n"
        "for _ in range(2):\n"
        "    pid = os.fork()\n"
        "    if pid == 0: worker()\n"
        "    pids.append(pid)\n"
        "for _ in pids: os.read(asked, 1)\n"
        "for pid in pids: os.kill(pid, signal.SIGTERM)\n"
        "assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0]\n"
    )
    ended = engine(loopback.url, after=program)

    assert ended.returncode == 0, ended.stderr
    assert sorted(loopback.span_names()) == ["step request", "step request", "step work"]


def test_a_burst_before_the_exit_is_delivered(loopback: Loopback) -> None:
    """50,000 spans, from eight threads, and the end."""
    loopback.bodies.clear()
    program = (
        "import threading\nfrom opentelemetry import trace\ntracer = trace.get_tracer('burst')\n"
        "def burst():\n    for _ in range(6_250): tracer.start_span('burst').end()\n"
        "threads = [threading.Thread(target=burst) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    assert engine(loopback.url, after=program).returncode == 0

    assert len(loopback.span_names()) == 50_001

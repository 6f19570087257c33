"""An engine's spend reaches the ledger exactly once, whatever happens to engine and collector on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger import environment
from tests.end_to_end.running import Running, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = """
import os, signal, sys, threading
import spanledger
spanledger.configure("engine")
def spend(count, user="user-1"):
    for number in range(count):
        with spanledger.execution("task", user_id=user), spanledger.step("work"):
            spanledger.record_cost(
                service="s3", operation="upload", quantity=1, unit="files", total_cost="0.000000000001"
            )
"""
PICO = Decimal("0.000000000001")


def engine(program: str, directory: Path, otlp: str) -> subprocess.CompletedProcess[str]:
    """Run an engine to its end."""
    variables = {environment.SPOOL_DIR: str(directory / "spool"), environment.OTLP_ENDPOINT: otlp}
    command = [sys.executable, "-c", HEAD + program]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | variables, timeout=60)


def begin(directory: Path, port: int) -> Running:
    """Start the product at a fixed port of OTLP."""
    command = [sys.executable, "-m", "spanledger_api", "up", "--dsn", f"chdb://{directory}/ledger"]
    ports = ["--otlp-http-port", str(port), "--otlp-grpc-port", "0", "--api-port", "0", "--clickhouse-port", "0"]
    process = subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    return Running(
        process, otlp=ready["otlp_http"], grpc=ready["otlp_grpc"], api=ready["api"], clickhouse=ready["clickhouse"]
    )


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The product, for tests whose engines work for users of their own."""
    running = start(tmp_path_factory.mktemp("up") / "ledger")
    yield running
    assert running.stop() == 0


def spent(running: Running) -> list[tuple[object, object, object]]:
    """What each user has spent."""
    rows = running.report("cost/users", period="yearly")
    return [(row["user_id"], row["total_cost"], row["operations_count"]) for row in rows]


def test_a_collector_that_was_down_gets_everything(tmp_path: Path) -> None:
    """Engines that end, are killed, or fork while it is down: the total is exact once anybody runs again."""
    running = begin(tmp_path, 0)
    otlp = running.otlp
    assert engine("spend(5)", tmp_path, otlp).returncode == 0
    assert running.stop() == 0

    ended = engine("spend(3_000)", tmp_path, otlp)
    killed = engine("spend(20); spanledger.flush(); os.kill(os.getpid(), signal.SIGKILL)", tmp_path, otlp)
    children = (
        "for _ in range(2):\n    pid = os.fork()\n    if pid == 0: spend(10); os._exit(0)\n    os.waitpid(pid, 0)"
    )
    forked = engine(f"spend(7)\n{children}", tmp_path, otlp)
    assert (ended.returncode, killed.returncode, forked.returncode) == (0, -signal.SIGKILL, 0)

    running = begin(tmp_path, int(otlp.rpartition(":")[2]))
    assert engine("spend(1); spanledger.flush()", tmp_path, otlp).returncode == 0
    count = 5 + 3_000 + 20 + 7 + 20 + 1
    running.wait_for(lambda: spent(running) == [("user-1", PICO * count, count)])
    assert not [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]
    assert running.stop() == 0


def test_workers_and_a_burst(up: Running, tmp_path: Path) -> None:
    """Forked workers, eight threads at once, and the end right behind it."""
    program = (
        "import multiprocessing\n"
        "context = multiprocessing.get_context('fork')\n"
        "workers = [context.Process(target=spend, args=(50, 'busy')) for _ in range(4)]\n"
        "threads = [threading.Thread(target=spend, args=(500, 'busy')) for _ in range(8)]\n"
        "for one in (*workers, *threads): one.start()\n"
        "for one in (*workers, *threads): one.join()\n"
    )
    assert engine(program, tmp_path, up.otlp).returncode == 0

    count = 4 * 50 + 8 * 500
    up.wait_for(lambda: ("busy", PICO * count, count) in spent(up))


def test_a_terminated_execution_keeps_its_cost(up: Running, tmp_path: Path) -> None:
    """SIGTERM in the midst of a step: failed, terminated, and what was spent until then."""
    program = (
        "with spanledger.execution('task', user_id='stopped', execution_id='interrupted'):\n"
        "    spanledger.record_cost(service='s3', operation='upload', quantity=1, unit='GB')\n"
        "    os.kill(os.getpid(), signal.SIGTERM); signal.pause()\n"
    )
    assert engine(program, tmp_path, up.otlp).returncode == -signal.SIGTERM

    up.wait_for(lambda: any(user == "stopped" for user, _, _ in spent(up)))
    told = httpx.get(f"{up.api}/api/executions/interrupted", timeout=10).json()
    assert (told["status"], told["error_message"], told["total_cost"]) == ("failed", "terminated", 0.01)

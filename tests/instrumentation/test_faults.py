"""Whatever breaks inside Spanledger, the engine gets what it would have got."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace

import spanledger
from spanledger import clock
from spanledger.guard import losses
from tests.instrumentation.collectors import HttpCollector

if TYPE_CHECKING:
    from tests.instrumentation.recorder import Recorder

TRACER = trace.get_tracer("test")


@pytest.fixture(scope="module")
def runs() -> dict[str | None, dict[str, object]]:
    """What the sample engine got, by the site that was broken; None is the engine unharmed."""
    with HttpCollector() as collector:
        command = [sys.executable, str(Path(__file__).with_name("faults.py")), collector.url]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return {line["site"]: line for line in lines}


def test_no_defect_changes_what_the_engine_gets(runs: dict[str | None, dict[str, object]]) -> None:
    """A defect in any guarded place: same results, same exception."""
    assert runs[None]["got"] == ["thread", 3, 0, 1, "3", "own"]
    assert len(runs) > 35
    assert {site: run["got"] for site, run in runs.items() if run["got"] != runs[None]["got"]} == {}


def test_the_defects_were_there(runs: dict[str | None, dict[str, object]]) -> None:
    """Most of the places are passed by the sample engine, and each defect is counted under its site."""
    noticed = {site for site, run in runs.items() if run["noticed"]}

    assert {"execution.begin", "step.begin", "record_cost", "queue.put", "identity", "outbox.deliver"} <= noticed
    assert {"threads.start", "threads.run", "propagation.received", "scope.close", "export.exporter"} <= noticed
    assert len(noticed) > 25


def test_a_clock_that_is_set_back_is_survived(recorder: Recorder) -> None:
    """An execution that ends before it began is a record all the same, and its cost is exact."""
    moments = iter(range(2 * 10**18, 10**18, -(10**15)))
    before = clock.read_from(lambda: next(moments))
    try:
        with spanledger.execution("task"):
            spanledger.record_cost(service="s3", operation="upload", quantity=1, unit="GB", duration=5)
    finally:
        clock.read_from(before)

    assert recorder.cost()["cost.total_cost"] == "0.01"
    assert recorder.attributes("execution task")["execution.status"] == "completed"


@pytest.fixture
def full_disk() -> str:
    """A directory on a disk that is full."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    return "/dev/full"


@pytest.mark.usefixtures("recorder")
def test_an_engine_runs_with_a_full_disk_and_no_collector(full_disk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not held up, and what fits nowhere is counted."""
    spanledger.shutdown()
    monkeypatch.setenv("SPANLEDGER_SPOOL_DIR", full_disk)
    with HttpCollector() as gone:
        pass
    before = losses().get("spool", 0)
    spanledger.configure(endpoint=gone.url)
    started = time.monotonic()
    for _ in range(1_000):
        with spanledger.step("work"):
            pass
    assert not spanledger.flush()
    spanledger.shutdown()

    assert time.monotonic() - started < 5
    assert losses()["spool"] == before + 1_000


def test_a_log_handler_that_records_costs_does_no_harm(recorder: Recorder) -> None:
    """Our own warning comes back as a span while a loss is being counted."""
    import logging  # noqa: PLC0415 - only here

    class Spending(logging.Handler):
        """Records a cost for each line."""

        def emit(self, record: logging.LogRecord) -> None:
            """Spend."""
            spanledger.record_cost(service="logs", operation=record.name, quantity=1, unit="lines", total_cost=1)

    handler = Spending()
    logging.getLogger("spanledger").addHandler(handler)
    try:
        spanledger.record_cost(service="s3", operation="upload", quantity=Decimal("nan"), unit="GB")
    finally:
        logging.getLogger("spanledger").removeHandler(handler)
    assert {cost["cost.service"] for cost in recorder.costs()} >= {"s3"}

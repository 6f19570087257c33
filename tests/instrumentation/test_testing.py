"""The ledger in memory that engines test themselves with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

import spanledger
from spanledger import testing
from spanledger.clock import now_ns
from spanledger.exceptions import PriceBookError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.recorder import Recorder

START = datetime(2026, 1, 1, tzinfo=UTC)


def upload() -> None:
    """An engine's work: one GB to S3 inside a step of an execution."""
    with spanledger.execution("archive", user_id="user-1", execution_id="1"), spanledger.step("upload"):
        spanledger.record_cost(
            service="s3", operation="upload", quantity=1, unit="GB", duration=2, metadata={"key": "video"}
        )


def test_a_record_is_whole_and_exact() -> None:
    """Amounts as decimals, identity, times and metadata."""
    with testing.ledger() as ledger:
        upload()

    [record] = ledger.records
    assert record == testing.CostRecord(
        service="s3",
        operation="upload",
        quantity=Decimal(1024),
        unit="MB",
        unit_cost=Decimal("0.000009765625"),
        total_cost=Decimal("0.01"),
        currency="USD",
        source="price_book",
        price_id="s3/2006-03-14",
        reason=None,
        user_id="user-1",
        execution_id="1",
        task_type="archive",
        step_name="upload",
        started_at=START,
        duration=Decimal(2),
        metadata={"key": "video"},
        trace_id=f"{1:032x}",
        span_id=f"{4:016x}",
    )


def test_steps_and_executions_are_there() -> None:
    """As the ledger's tables would show them, with the cost of the execution."""
    with testing.ledger() as ledger:
        upload()

    [step] = ledger.steps
    assert (step.step_name, step.status, step.error, step.task_type) == ("upload", "success", None, "archive")
    assert step.completed_at - step.started_at == timedelta(milliseconds=float(step.duration))
    [execution] = ledger.executions
    assert (execution.status, execution.total_cost, execution.ai_calls_count) == ("completed", Decimal("0.01"), 0)
    assert execution.started_at == START
    assert execution.completed_at is not None


def test_a_failure_keeps_its_cost() -> None:
    """Execution and step say why they failed, and what was spent until then."""

    @spanledger.execution("archive")
    @spanledger.step("upload")
    def fail() -> None:
        spanledger.record_cost(service="openai", operation="x", quantity=1, unit="calls", total_cost="0.5")
        raise KeyError

    with testing.ledger() as ledger:
        with pytest.raises(KeyError):
            fail()
        [execution] = ledger.executions

    assert (execution.status, execution.error_message) == ("failed", "KeyError: ")
    assert (execution.total_cost, execution.ai_calls_count) == (Decimal("0.5"), 1)
    assert (ledger.steps[0].status, ledger.steps[0].error) == ("failed", "KeyError: ")


def test_it_can_be_read_while_the_work_goes_on() -> None:
    """An execution is running until it ends."""
    with testing.ledger() as ledger:
        with spanledger.execution("archive"):
            assert [execution.status for execution in ledger.executions] == ["running"]
            assert ledger.executions[0].completed_at is None
        assert [execution.status for execution in ledger.executions] == ["completed"]


def test_every_run_is_the_same() -> None:
    """Ids and times repeat, so that whole records may be compared."""
    ledgers: list[testing.Ledger] = []
    for _ in range(2):
        with testing.ledger() as ledger:
            upload()
        ledgers.append(ledger)

    assert ledgers[0].records == ledgers[1].records
    assert ledgers[0].executions == ledgers[1].executions
    assert now_ns() > int(START.timestamp() * 1e9) + 10**15


def test_totals_can_be_asked_for_parts() -> None:
    """By any field, in one currency at a time."""
    with testing.ledger() as ledger:
        upload()
        spanledger.record_cost(service="v", operation="o", quantity=2, unit="u", unit_cost="0.1", currency="EUR")
        spanledger.record_cost(service="unknown", operation="o", quantity=2, unit="u")

    assert ledger.total() == Decimal("0.01")
    assert ledger.total("EUR") == Decimal("0.2")
    assert ledger.total(user_id="user-2") == 0
    assert [record.source for record in ledger.records] == ["price_book", "provider", "unpriced"]


def test_a_configured_engine_is_diverted_and_put_back(recorder: Recorder) -> None:
    """Spans go to the test meanwhile, and to the engine's exporter before and after."""
    with testing.ledger() as ledger:
        upload()
    upload()

    assert len(ledger.records) == 1
    assert len(recorder.costs()) == 1


def test_own_prices_are_tested_too(tmp_path: Path) -> None:
    """With the file that the engine is deployed with; a bad one fails the test."""
    prices = tmp_path / "prices.toml"
    prices.write_text(
        '[[price]]\nid = "s3/own/2020-01-01"\nservice = "s3"\neffective_from = 2020-01-01\n'
        'source = "https://example.com/contract"\nshown_in = "GB"\n'
        '[price.meters]\nbytes = { price = "5", per = "1", unit = "GB" }\n'
    )
    with testing.ledger(prices=prices) as ledger:
        upload()
    assert ledger.total() == 5

    prices.write_text("[[price]]\n")
    with pytest.raises(PriceBookError), testing.ledger(prices=prices):
        pass

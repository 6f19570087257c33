"""Costs that the engine states itself."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanledger
from spanledger.attributes import COST_TOTAL_COST
from spanledger.guard import losses
from spanledger.records import stated_amounts

if TYPE_CHECKING:
    from spanledger.values import Number
    from tests.instrumentation.recorder import Recorder

AMOUNTS = st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=9)


def test_a_stated_total_is_kept_to_the_digit(recorder: Recorder) -> None:
    """The vendor's amount is the amount; the unit cost follows from it."""
    with spanledger.execution("task", user_id="user-1", execution_id="execution-1"):
        spanledger.record_cost(
            service="vendor",
            operation="render",
            quantity=3,
            unit="frames",
            total_cost="0.100000000001",
            currency="EUR",
            metadata={"codec": "av1"},
        )

    assert recorder.cost() == {
        "user.id": "user-1",
        "execution.id": "execution-1",
        "task.type": "task",
        "cost.service": "vendor",
        "cost.operation": "render",
        "cost.quantity": "3",
        "cost.unit": "frames",
        "cost.unit_cost": "0.033333333333666667",
        "cost.total_cost": "0.100000000001",
        "cost.currency": "EUR",
        "cost.source": "provider",
        "cost.metadata.codec": "av1",
    }


@pytest.mark.parametrize("unit_cost", [0.1, "0.1", Decimal("0.1")])
def test_a_stated_unit_cost_is_multiplied_exactly(recorder: Recorder, unit_cost: Number) -> None:
    """A tenth is a tenth in each of its forms: three of them are 0.3."""
    spanledger.record_cost(service="vendor", operation="render", quantity=3, unit="frames", unit_cost=unit_cost)

    record = recorder.cost()
    assert (record["cost.total_cost"], record["cost.unit_cost"], record["cost.source"]) == ("0.3", "0.1", "provider")


@given(AMOUNTS, AMOUNTS)
def test_quantity_times_unit_cost_rounds_half_even_once(quantity: Decimal, unit_cost: Decimal) -> None:
    """The total is the nearest of 12 places to the true product."""
    total = Decimal(stated_amounts(quantity, unit_cost, None, "USD")[COST_TOTAL_COST])
    scaled = int(quantity.scaleb(9)) * int(unit_cost.scaleb(9))
    quotient, rest = divmod(scaled, 10**6)
    up = rest > 500_000 or (rest == 500_000 and quotient % 2 == 1)
    assert Fraction(total) * 10**12 == quotient + up


@pytest.mark.parametrize(("unit_cost", "total"), [("0.0000000000005", "0"), ("0.0000000000015", "0.000000000002")])
def test_a_tie_goes_to_the_even_digit(unit_cost: str, total: str) -> None:
    """Half of the last place is not always rounded up."""
    assert stated_amounts(1, unit_cost, None, "USD")[COST_TOTAL_COST] == total


def test_nothing_stated_is_priced_on_export(recorder: Recorder) -> None:
    """90 seconds of Stream cost 0.008 by the price book."""
    spanledger.record_cost(service="cloudflare_stream", operation="render", quantity=90, unit="seconds", duration=1234)

    record = recorder.cost()
    assert record["cost.total_cost"] == "0.008"
    assert record["cost.source"] == "price_book"
    assert record["cost.duration_ms"] == 1234.0
    span = recorder.span("cloudflare_stream render")
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 1_234_000_000


def test_a_free_operation_costs_zero(recorder: Recorder) -> None:
    """A stated 0 is a price, not a missing one; nothing used at a stated total has no unit cost."""
    spanledger.record_cost(service="vendor", operation="ping", quantity=0, unit="calls", total_cost=0)

    record = recorder.cost()
    assert (record["cost.total_cost"], record["cost.source"]) == ("0", "provider")
    assert "cost.unit_cost" not in record


def test_what_nothing_prices_is_unpriced_with_a_reason(recorder: Recorder) -> None:
    """An unknown service has no amount, never 0."""
    spanledger.record_cost(service="vendor", operation="render", quantity=90, unit="seconds")

    record = recorder.cost()
    assert record["cost.source"] == "unpriced"
    assert record["cost.reason"]
    assert "cost.total_cost" not in record


@pytest.mark.parametrize(
    "amounts",
    [
        {"quantity": float("nan")},
        {"quantity": -1},
        {"quantity": "many"},
        {"quantity": None},
        {"quantity": 1, "total_cost": float("inf")},
        {"quantity": 1, "unit_cost": "free"},
        {"quantity": 1e25, "unit_cost": 1e25},
    ],
)
def test_a_bad_amount_is_recorded_without_one(recorder: Recorder, amounts: dict[str, Any]) -> None:
    """The engine goes on, the operation is in the ledger with the reason, and the failure is counted."""
    before = losses().get("record_cost.amount", 0)
    spanledger.record_cost(service="vendor", operation="render", unit="frames", **amounts)

    record = recorder.cost()
    assert record["cost.source"] == "unpriced"
    assert next(iter(amounts)) in str(record["cost.reason"]) or "cost" in str(record["cost.reason"])
    assert "cost.total_cost" not in record
    assert losses()["record_cost.amount"] == before + 1


@pytest.mark.parametrize("duration", [-1, "long", 1e20, float("nan")])
def test_a_bad_duration_does_not_cost_the_record(recorder: Recorder, duration: Any) -> None:  # noqa: ANN401 - any
    """The amount counts; the length is given up."""
    spanledger.record_cost(service="vendor", operation="x", quantity=1, unit="y", total_cost=1, duration=duration)

    span = recorder.span("vendor x")
    assert span.start_time == span.end_time
    assert recorder.cost()["cost.total_cost"] == "1"


def test_metadata_that_cannot_be_read_does_not_cost_the_record(recorder: Recorder) -> None:
    """A circular structure is left out."""
    circle: list[object] = []
    circle.append(circle)
    spanledger.record_cost(service="vendor", operation="x", quantity=1, unit="y", total_cost=1, metadata={"c": circle})

    assert recorder.cost()["cost.total_cost"] == "1"


def test_metadata_beyond_every_limit_does_not_push_the_cost_out(recorder: Recorder) -> None:
    """The SDK drops the oldest attributes of a span that has too many: never who is paid and how much."""
    metadata = {f"key-{number}": number for number in range(2_000)}
    with spanledger.execution("task", user_id="user-1"):
        spanledger.record_cost(service="vendor", operation="x", quantity=1, unit="y", total_cost=1, metadata=metadata)

    record = recorder.cost()
    assert (record["cost.service"], record["cost.total_cost"], record["user.id"]) == ("vendor", "1", "user-1")

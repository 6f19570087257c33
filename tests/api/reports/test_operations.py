"""Single operations: the most expensive first, over an amount, with every digit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/cost/operations"


def test_the_most_expensive_come_first(ledger: Ledger, get: Get) -> None:
    """Operations descend by cost, ties by start, each with who and what it was for."""
    store(
        ledger,
        [
            Span(service="s3", operation="upload", cost=Decimal("0.5"), start=NOW - timedelta(hours=1)),
            Span(
                service="openai",
                operation="gpt-4_a_b",
                model="gpt-4",
                cost=Decimal("2.000000000001"),
                user="u",
                execution="e",
                task="t",
                step="s",
                start=NOW - timedelta(hours=2),
            ),
            Span(service="openai", operation="later", cost=Decimal("0.5"), start=NOW - timedelta(minutes=1)),
        ],
    )
    rows = get(PATH)
    assert [row["operation"] for row in rows] == ["gpt-4_a_b", "upload", "later"]
    first = {name: rows[0][name] for name in ("total_cost", "user_id", "execution_id", "task_type", "step_name")}
    assert first == {
        "total_cost": Decimal("2.000000000001"),
        "user_id": "u",
        "execution_id": "e",
        "task_type": "t",
        "step_name": "s",
    }


def test_above_is_strict(ledger: Ledger, get: Get) -> None:
    """An operation of exactly the amount is not above it; the last digit of the next one is."""
    store(ledger, [Span(service="openai", cost=Decimal(1)), Span(service="s3", cost=Decimal("1.000000000001"))])
    assert [row["service"] for row in get(PATH, {"above": "1"})] == ["s3"]


def test_an_amount_that_is_none_is_refused(client: TestClient) -> None:
    """What is no amount of money, or below zero, is a problem that names the parameter."""
    for wrong in ("much", "-1", "NaN", "0.0000000000001"):
        answer = client.get(PATH, params={"above": wrong})
        assert answer.status_code == 422, wrong
        assert answer.json()["parameter"] == "above"

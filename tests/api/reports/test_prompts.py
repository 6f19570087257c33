"""The report on prompts: which one is the most expensive."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/cost/prompts"


def test_prompts_are_the_operations_of_openai(ledger: Ledger, get: Get) -> None:
    """Each has its sum, its mean cost and duration and its calls; other services are left out."""
    store(
        ledger,
        [
            Span(service="openai", operation="gpt-4_a_b", cost=Decimal("0.05"), duration_ns=2_300_000_000),
            Span(service="openai", operation="gpt-4_a_b", cost=Decimal("0.06"), duration_ns=2_300_000_000),
            Span(service="openai", operation="gpt-3.5-turbo_c_d", cost=Decimal("0.0025"), duration_ns=500_000),
            Span(service="whisper", operation="gpt-4_a_b", cost=Decimal(9)),
        ],
    )

    assert get(PATH) == [
        {
            "operation": "gpt-4_a_b",
            "total_cost": Decimal("0.11"),
            "avg_cost": Decimal("0.055"),
            "avg_duration": 2300,
            "calls_count": 2,
        },
        {
            "operation": "gpt-3.5-turbo_c_d",
            "total_cost": Decimal("0.0025"),
            "avg_cost": Decimal("0.0025"),
            "avg_duration": Decimal("0.5"),
            "calls_count": 1,
        },
    ]


def test_the_mean_cost_is_rounded_half_even_at_twelve_places(ledger: Ledger, get: Get) -> None:
    """A third has twelve decimals, and half of the last place goes to the even neighbour."""
    store(
        ledger,
        [
            *(Span(service="openai", operation="third", cost=cost) for cost in (Decimal(1), Decimal(0), Decimal(0))),
            *(Span(service="openai", operation="half", cost=Decimal(cost).scaleb(-12)) for cost in (1, 2)),
        ],
    )

    assert {row["operation"]: row["avg_cost"] for row in get(PATH)} == {
        "third": Decimal("0.333333333333"),
        "half": Decimal("0.000000000002"),
    }

"""The report on services: exact cost and mean duration of each."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/cost/services"


def test_each_service_has_its_sum_count_and_mean_duration(ledger: Ledger, get: Get) -> None:
    """Durations are averaged from nanoseconds; what is unpriced adds nothing but counts."""
    store(
        ledger,
        [
            Span(service="openai", cost=Decimal("0.06"), duration_ns=1_000_000),
            Span(service="openai", cost=Decimal("0.000000000001"), duration_ns=1_000_001),
            Span(service="openai", source="unpriced", duration_ns=1_000_000),
            Span(service="s3", cost=Decimal("0.01"), duration_ns=2_500_000_000),
            Span(service="cloudfront", cost=Decimal("0.01"), duration_ns=0),
        ],
    )

    assert get(PATH) == [
        {
            "service": "openai",
            "total_cost": Decimal("0.060000000001"),
            "avg_duration": Decimal(1),
            "operations_count": 3,
        },
        {"service": "cloudfront", "total_cost": Decimal("0.01"), "avg_duration": 0, "operations_count": 1},
        {"service": "s3", "total_cost": Decimal("0.01"), "avg_duration": 2500, "operations_count": 1},
    ]


def test_durations_add_up_beyond_64_bits(ledger: Ledger, get: Get) -> None:
    """The mean of very long operations does not wrap round."""
    longest = 2**63 - 1
    store(ledger, [Span(service="s3", cost=Decimal(1), duration_ns=longest) for _ in range(4)])

    (row,) = get(PATH)

    assert row["avg_duration"] == Decimal(longest).scaleb(-6)


def test_one_service_can_be_asked_for(ledger: Ledger, get: Get) -> None:
    """The filter leaves that service only; a service there is not gives an empty list."""
    store(ledger, [Span(service="openai", cost=Decimal(1)), Span(service="s3", cost=Decimal(1))])

    assert [row["service"] for row in get(PATH, {"service": "s3"})] == ["s3"]
    assert get(PATH, {"service": "absent"}) == []

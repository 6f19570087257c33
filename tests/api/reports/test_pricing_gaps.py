"""What has no price of its own: listed with the reason, never lost in a total."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]


def test_gaps_are_listed_by_how_often_they_occur(ledger: Ledger, get: Get) -> None:
    """Unpriced and fallback usage have a list each, by service, model and reason."""
    unpriced = partial(Span, service="acme", source="unpriced", reason="no row", unit="GB")
    store(
        ledger,
        [
            unpriced(quantity=Decimal("1.5")),
            unpriced(quantity=Decimal(2)),
            Span(service="acme", source="unpriced", model="m", reason="too early"),
            Span(service="openai", source="fallback", model="gpt-9", reason="unknown", cost=Decimal("0.5")),
            Span(service="openai", cost=Decimal(9)),
        ],
    )

    assert [tuple(row.values()) for row in get("/api/analytics/cost/unpriced")] == [
        ("acme", "", "no row", "GB", Decimal("3.5"), 2, 0),
        ("acme", "m", "too early", "", 0, 1, 0),
    ]
    assert [tuple(row.values()) for row in get("/api/analytics/cost/fallback")] == [
        ("openai", "gpt-9", "unknown", "", 0, 1, Decimal("0.5"))
    ]

"""What failures cost: by type of error, for calls and for whole executions."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/cost/failures"


def test_calls_and_executions_are_told_apart(ledger: Ledger, get: Get) -> None:
    """A failed execution costs all that it paid for; an execution that went well costs nothing here."""
    store(
        ledger,
        [
            Span(service="openai", cost=Decimal(1), failed="openai.RateLimitError: slow down", execution="bad"),
            Span(service="openai", cost=Decimal(2), failed="openai.RateLimitError: again"),
            Span(service="s3", cost=Decimal("0.5"), failed="no codec here", execution="good"),
            Span(service="s3", cost=Decimal(4), execution="bad"),
            Span(service="s3", cost=Decimal("2.5"), execution="good"),
            Span(execution="bad", execution_status="failed", failed="ValueError: no video"),
            Span(execution="bad", execution_status="completed"),
            Span(execution="good", execution_status="completed"),
        ],
    )

    rows = get(PATH)

    assert [tuple(row.values()) for row in rows] == [
        ("call", "openai.RateLimitError", 2, 3, 2, Decimal("0.3")),
        ("call", "unclassified", 1, Decimal("0.5"), 1, Decimal("0.05")),
        ("execution", "ValueError", 1, 5, 2, Decimal("0.5")),
    ]
    assert [row["scope"] for row in get(PATH, {"service": "s3"})] == ["call", "execution"]


def test_nothing_failed_is_an_empty_list(ledger: Ledger, get: Get) -> None:
    """Success is no row."""
    store(ledger, [Span(service="s3", cost=Decimal(1))])

    assert get(PATH) == []

"""How much was used and what one unit of it costs, in the units of the price book."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

USAGE = "/api/analytics/usage"
UNITS = "/api/analytics/cost/unit-economics"


def _used(service: str, quantity: str, unit: str, cost: str, **rest: str) -> Span:
    tokens = {"prompt_tokens": rest.pop("prompt", ""), "completion_tokens": rest.pop("completion", "")}
    return Span(
        service=service,
        quantity=Decimal(quantity),
        unit=unit,
        cost=Decimal(cost),
        metadata={name: value for name, value in tokens.items() if value},
        user=rest.get("user", ""),
        execution=rest.get("execution", ""),
        task=rest.get("task", ""),
        model=rest.get("model", ""),
    )


def _everything() -> list[Span]:
    return [
        _used("openai", "1500", "tokens", "0.06", model="gpt-4", prompt="1000", completion="500", user="u"),
        _used("openai", "500", "tokens", "0.02", model="gpt-4", user="v", execution="e1", task="t"),
        _used("openai", "1000", "tokens", "0.001", model="gpt-3.5-turbo", execution="e2", task="t"),
        _used("whisper", "1.5", "minutes", "0.009"),
        _used("google_video_ai", "5", "minutes", "0.5"),
        _used("cloudflare_stream", "90", "seconds", "0.008"),
        _used("s3", "512", "MB", "0.005"),
        _used("s3", "1", "GB", "0.01"),
        _used("search", "3", "requests", "0.3"),
        _used("acme", "7", "widgets", "0.7"),
    ]


def test_quantities_are_added_up_in_one_unit(ledger: Ledger, get: Get) -> None:
    """Seconds and minutes, MB and GB are one meter each; parts of tokens are of the records that state them."""
    store(ledger, _everything())

    assert {row["meter"]: (row["quantity"], row["operations_count"]) for row in get(USAGE)} == {
        "GB": (Decimal("1.5"), 2),
        "audio_minutes": (Decimal("1.5"), 1),
        "input_tokens": (1000, 1),
        "output_tokens": (500, 1),
        "requests": (12, 10),
        "tokens": (3000, 3),
        "video_minutes": (Decimal("6.5"), 2),
        "widgets": (7, 1),
    }


def test_each_unit_has_its_cost(ledger: Ledger, get: Get) -> None:
    """Executions by task, users as a whole, minutes and GB by service, tokens by model."""
    store(ledger, _everything())

    rows = get(UNITS)

    assert [(row["unit"], row["label"], row["unit_cost"], row["units"], row["total_cost"]) for row in rows] == [
        ("execution", "t", Decimal("0.0105"), 2, Decimal("0.021")),
        ("user", "", Decimal("0.04"), 2, Decimal("0.08")),
        ("video_minute", "cloudflare_stream", Decimal("0.005333333333"), Decimal("1.5"), Decimal("0.008")),
        ("video_minute", "google_video_ai", Decimal("0.1"), 5, Decimal("0.5")),
        ("audio_minute", "whisper", Decimal("0.006"), Decimal("1.5"), Decimal("0.009")),
        ("1k_tokens", "gpt-3.5-turbo", Decimal("0.001"), 1, Decimal("0.001")),
        ("1k_tokens", "gpt-4", Decimal("0.04"), 2, Decimal("0.08")),
        ("GB", "s3", Decimal("0.01"), Decimal("1.5"), Decimal("0.015")),
    ]
    assert get(UNITS, {"limit": 1, "offset": 1}) == rows[1:2]


def test_quantities_without_a_number_do_no_harm(ledger: Ledger, get: Get) -> None:
    """Texts in the place of token counts are left out."""
    store(ledger, [_used("openai", "10", "tokens", "1", prompt="many", completion="-")])

    assert {row["meter"]: row["quantity"] for row in get(USAGE)}["tokens"] == 10

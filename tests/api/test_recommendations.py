"""Recommendations: when each appears, its numbers, and its language."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/recommendations"


def _by_type(get: Get) -> dict[object, dict[str, object]]:
    return {row["type"]: row for row in get(PATH)}


@pytest.mark.usefixtures("ledger")
def test_an_empty_ledger_needs_no_advice(get: Get) -> None:
    """Without cost there is nothing to recommend."""
    assert get(PATH) == []


def test_the_prompt_with_the_highest_mean_is_worth_work(ledger: Ledger, get: Get) -> None:
    """It goes by the mean cost of a call, not by the sum, and comes as soon as any prompt costs anything."""
    store(
        ledger,
        [
            *(Span(service="openai", operation="cheap", cost=Decimal("0.01")) for _ in range(9)),
            Span(service="openai", operation="dear", cost=Decimal("0.05"), duration_ns=2_000_000),
        ],
    )

    advice = _by_type(get)["prompt_optimization"]

    assert advice["priority"] == "high"
    assert "dear" in str(advice["message"])
    assert "$0.05" in str(advice["message"])
    assert advice["data"] == {
        "operation": "dear",
        "total_cost": Decimal("0.05"),
        "avg_cost": Decimal("0.05"),
        "avg_duration": 2,
        "calls_count": 1,
    }


def test_prompts_without_a_price_are_no_reason(ledger: Ledger, get: Get) -> None:
    """A prompt that cost nothing known is not called expensive."""
    store(ledger, [Span(service="openai", source="unpriced")])

    assert get(PATH) == []


@pytest.mark.parametrize(("cost", "expected"), [("3", False), ("3.000000000001", False), ("9.1", True)])
def test_a_user_above_three_means_is_worth_a_look(ledger: Ledger, get: Get, cost: str, expected: bool) -> None:  # noqa: FBT001 - a table column
    """One of five users is, above six times what each other costs; records of nobody do not count."""
    store(
        ledger,
        [
            *(Span(service=f"s{number}", user=f"u{number}", cost=Decimal(1)) for number in range(4)),
            Span(service="s9", user="heavy", cost=Decimal(cost)),
            Span(service="s8", cost=Decimal(1000)),
        ],
    )

    advice = _by_type(get).get("user_cost_alert")

    assert (advice is not None) is expected
    if advice is not None:
        assert advice["priority"] == "medium"
        assert advice["data"] == {
            "user_id": "heavy",
            "total_cost": Decimal("9.1"),
            "mean": Decimal("2.62"),
            "multiple": Decimal("3.47"),
        }
        assert str(advice["message"]).endswith("this month, more than 3 times the mean.")


def test_exactly_three_means_is_not_above(ledger: Ledger, get: Get) -> None:
    """The bound itself raises nothing; the smallest amount above it does."""
    others = [Span(service="s", user=f"u{number}", cost=Decimal(1)) for number in range(4)]
    heavy = Span(service="s", user="heavy", cost=Decimal(6))
    store(ledger, [*others, heavy])
    assert "user_cost_alert" not in _by_type(get)

    store(ledger, [Span(service="s", user="heavy", cost=Decimal("0.000000000001"))])
    assert "user_cost_alert" in _by_type(get)


@pytest.mark.parametrize(("cost", "percentage"), [("6", None), ("6.1", Decimal("60.4")), ("12", Decimal(75))])
def test_a_service_above_sixty_percent_dominates(
    ledger: Ledger, get: Get, cost: str, percentage: Decimal | None
) -> None:
    """Sixty percent exactly is not above."""
    store(ledger, [Span(service="whisper", cost=Decimal(cost)), Span(service="s3", cost=Decimal(4))])

    advice = _by_type(get).get("service_dominance")

    assert (advice and advice["data"]) == (
        percentage
        and {
            "service": "whisper",
            "total_cost": Decimal(cost),
            "avg_duration": 1,
            "operations_count": 1,
            "percentage": percentage,
        }
    )


def test_speaks_the_language_that_is_asked_for(ledger: Ledger, client: TestClient) -> None:
    """Traditional Chinese is answered in its own words, with the same numbers."""
    store(
        ledger,
        [
            *(Span(service="openai", operation="gpt-4_a_b", user=f"u{n}", cost=Decimal("0.01")) for n in range(9)),
            Span(service="openai", operation="gpt-4_a_b", user="heavy", cost=Decimal("0.91")),
        ],
    )

    answer = client.get(PATH, headers={"Accept-Language": "zh-TW"})

    assert answer.headers["Content-Language"] == "zh-TW"
    assert "Accept-Language" in answer.headers["Vary"]
    assert [row["message"] for row in answer.json()] == [
        'Prompt "gpt-4_a_b" 平均成本 $0.1，建議優化以降低 token 數',  # noqa: RUF001 - Chinese punctuation
        "用戶 heavy 本月成本 $0.91，超過平均值 3 倍",  # noqa: RUF001 - Chinese punctuation
        "openai 佔總成本 100%，考慮是否有替代方案",  # noqa: RUF001 - Chinese punctuation
    ]
    assert client.get(PATH).headers["Content-Language"] == "en"


def test_other_times_and_currencies_are_named(ledger: Ledger, client: TestClient) -> None:
    """The words follow the period that was asked for, and another currency is not called dollars."""
    store(
        ledger,
        [
            *(Span(service="s3", user=f"u{number}", cost=Decimal(1), currency="EUR") for number in range(9)),
            Span(service="s3", user="heavy", cost=Decimal(91), currency="EUR"),
        ],
    )

    def message(**parameters: str) -> str:
        return str(client.get(PATH, params={"currency": "EUR", **parameters}).json()[0]["message"])

    assert "91 EUR today," in message(period="daily")
    assert "91 EUR in the chosen time," in message(**{"from": "2026-03-01T00:00:00Z"})


def test_examples_can_be_opened(ledger: Ledger, get: Get) -> None:
    """Each piece of advice shows its dearest records with the execution of each, and null where one names none."""
    calls = [
        Span(service="openai", operation="gpt-4_a_b", user="u", execution=f"e{number}", cost=Decimal(number))
        for number in range(1, 8)
    ]
    failed = Span(service="openai", operation="gpt-4_a_b", user="u", failed="E: x", execution="f", cost=Decimal("0.5"))
    store(ledger, [*calls, failed, Span(service="openai", operation="gpt-4_a_b", user="u", cost=Decimal(9))])
    store(ledger, [Span(service="s3", operation="upload", user=f"v{number}", cost=Decimal(1)) for number in range(9)])

    shown = {kind: _examples(advice) for kind, advice in _by_type(get).items()}

    dearest = [(None, 9), ("e7", 7), ("e6", 6), ("e5", 5), ("e4", 4)]
    assert shown == {
        "prompt_optimization": dearest,
        "user_cost_alert": dearest,
        "service_dominance": dearest,
        "retry_waste": [("f", Decimal("0.5"))],
    }


def _examples(advice: dict[str, object]) -> list[tuple[object, object]]:
    rows = cast("list[dict[str, object]]", advice["evidence"])
    return [(row["execution_id"], row["total_cost"]) for row in rows]

"""Advice on what could be saved: only with records behind it, priced by the calculator, dismissed for good."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/recommendations"


def _of(get: Get, kind: str, **parameters: str) -> list[dict[str, object]]:
    return [row for row in get(PATH, parameters) if row["type"] == kind]


def _call(asked: int, answered: int, cost: str, model: str = "gpt-4", **rest: str) -> Span:
    return Span(
        service="openai",
        operation=rest.get("operation", f"{model}_video_title"),
        model=model,
        quantity=Decimal(asked + answered),
        unit="tokens",
        cost=Decimal(cost),
        category="video",
        prompt="title",
        metadata={"prompt_tokens": str(asked), "completion_tokens": str(answered)},
    )


def test_a_cheaper_model_is_priced_for_the_same_tokens(ledger: Ledger, get: Get) -> None:
    """1,000 tokens in and 500 out cost 0.06 with one model of the book and 0.0025 with the other."""
    store(ledger, [*(_call(1000, 500, "0.06") for _ in range(3)), _call(800, 100, "0.0014", "gpt-3.5-turbo")])

    (advice,) = _of(get, "cheaper_model")

    assert advice["data"] == {
        "prompt": "video/title",
        "model": "gpt-4",
        "cheaper_model": "gpt-3.5-turbo",
        "calls_count": 3,
        "total_cost": Decimal("0.18"),
        "cheaper_cost": Decimal("0.0075"),
    }
    assert (advice["saving_low"], advice["saving_high"], advice["priority"]) == (0, Decimal("0.1725"), "high")
    assert len(_evidence(advice)) == 3


def _evidence(advice: dict[str, object]) -> list[object]:
    return cast("list[object]", advice["evidence"])


def test_a_model_without_a_price_of_its_own_is_no_alternative(ledger: Ledger, get: Get) -> None:
    """Neither an unknown model nor another prompt's model is advised."""
    store(ledger, [_call(1000, 500, "0.06"), _call(1000, 500, "0.01", "nobody-knows-it")])

    assert _of(get, "cheaper_model") == []


@pytest.mark.parametrize(
    ("calls", "tokens", "model"),
    [(20, 2100, "gpt-4o"), (19, 2100, "gpt-4o"), (20, 1023, "gpt-4o"), (20, 2100, "gpt-4")],
)
def test_long_prompts_may_be_cached(ledger: Ledger, get: Get, calls: int, tokens: int, model: str) -> None:
    """Enough calls, all long enough, with a model that has a price for cached tokens; all but the first can save."""
    store(ledger, [_call(tokens + n, 10, "1", model) for n in range(calls)])

    found = _of(get, "cacheable_prompt")

    assert bool(found) is ((calls, tokens, model) == (20, 2100, "gpt-4o"))
    if found:
        data = found[0]["data"]
        assert isinstance(data, dict)
        assert data["tokens"] == 2048
        assert found[0]["saving_low"] == 0
        # 1.25 less for each million cached tokens
        assert found[0]["saving_high"] == Decimal(2048 * 19) * Decimal("1.25") / 10**6


def test_oversized_answers_are_measured_against_the_median(ledger: Ledger, get: Get) -> None:
    """Cutting at twice the median saves the tokens beyond it; equal answers are no reason."""
    store(ledger, [_call(10, 100, "0.0063") for _ in range(36)])
    assert _of(get, "oversized_completions") == []
    store(ledger, [_call(10, 1000, "0.0603") for _ in range(4)])

    (advice,) = _of(get, "oversized_completions")

    data = advice["data"]
    assert isinstance(data, dict)
    assert data["tokens"] == 4 * 800
    assert advice["saving_low"] == 0  # the 95th percentile is the longest answer itself
    assert advice["saving_high"] == Decimal(4 * 800) * Decimal("0.06") / 1000


def _whisper(minutes: Iterable[int], user: str = "u", **rest: Decimal) -> list[Span]:
    return [
        Span(
            service="whisper",
            operation="transcribe",
            user=user,
            quantity=rest.get("quantity", Decimal("1.5")),
            unit="minutes",
            cost=Decimal("0.009"),
            start=NOW - timedelta(hours=5) + timedelta(minutes=minute),
        )
        for minute in minutes
    ]


def test_equal_calls_within_minutes_are_duplicates(ledger: Ledger, get: Get) -> None:
    """Each that follows an equal one within ten minutes counts; other users, quantities and later calls do not."""
    store(ledger, [*_whisper([0, 5, 15, 16, 27]), *_whisper([1, 2, 3], "v", quantity=Decimal(2)), *_whisper([4], "w")])

    (advice,) = _of(get, "duplicate_calls")

    assert advice["data"] == {
        "user_id": "u",
        "service": "whisper",
        "operation": "transcribe",
        "repeats_count": 3,
        "total_cost": Decimal("0.027"),
    }
    assert (advice["saving_low"], advice["saving_high"]) == (0, Decimal("0.027"))


def test_failed_calls_that_were_paid_for_are_waste(ledger: Ledger, get: Get) -> None:
    """At least those are lost that the same execution then repeated with success."""
    store(
        ledger,
        [
            Span(service="openai", cost=Decimal(1), failed="E", execution="e", start=NOW - timedelta(minutes=9)),
            Span(service="openai", cost=Decimal(1), execution="e", start=NOW - timedelta(minutes=8)),
            Span(service="openai", cost=Decimal(2), failed="E", execution="f"),
            Span(service="openai", cost=Decimal(4), failed="E"),
            Span(service="s3", cost=Decimal(0), failed="E"),
        ],
    )

    (advice,) = _of(get, "retry_waste")

    assert (advice["saving_low"], advice["saving_high"]) == (1, 7)
    assert len(_evidence(advice)) == 3


def test_dismissed_advice_stays_away_until_it_is_taken_back(ledger: Ledger, get: Get, client: TestClient) -> None:
    """The id is the same whatever the time and language, a dismissal may be repeated, and other advice stays."""
    store(ledger, [Span(service="openai", operation="p", cost=Decimal(1), user="u")])
    first = get(PATH)
    chosen = first[0]["id"]
    assert [row["id"] for row in get(PATH, {"period": "yearly"})] == [row["id"] for row in first]

    address = f"/api/recommendations/{chosen}/dismissal"
    assert [client.post(address).status_code for _ in range(2)] == [204, 204]
    assert get(PATH) == first[1:]
    shown = get(PATH, {"includeDismissed": "true"})
    assert [(row["id"], row["dismissed"]) for row in shown] == [(row["id"], row["id"] == chosen) for row in first]

    assert client.delete(address).status_code == 204
    assert get(PATH) == first


@pytest.mark.usefixtures("ledger")
def test_other_sites_cannot_dismiss(client: TestClient) -> None:
    """A page of another origin is refused, one of the API's own is not; ids have one form."""
    address = "/api/recommendations/0123456789abcdef/dismissal"

    answer = client.post(address, headers={"Origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert client.post(address, headers={"Origin": "http://testserver"}).status_code == 204
    assert client.post("/api/recommendations/nope/dismissal").json()["parameter"] == "recommendation_id"

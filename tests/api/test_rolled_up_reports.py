"""Reports say the same whether they are read from the records or from rollups."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from unittest import mock

import pytest
from starlette.testclient import TestClient

from spanledger_api.app import create_app
from spanledger_clickhouse.rollups import RECORDS_ONLY, RollupWorker
from tests.api.recount import is_right
from tests.api.spans import Span, store
from tests.conftest import emptied

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

FIRST = datetime(2026, 3, 6, tzinfo=UTC)
NOW = FIRST + timedelta(days=9, hours=9, minutes=20)
WINDOW = {"from": (FIRST + timedelta(days=3)).isoformat(), "to": (NOW - timedelta(hours=1)).isoformat()}

QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("cost/breakdown", {"groupBy": "user", "topN": "3"}),
    ("cost/breakdown", {"groupBy": "prompt,status", "interval": "hour", "timezone": "Asia/Kathmandu"}),
    ("cost/breakdown", {"groupBy": "model,step", "topN": "2", "interval": "day", "timezone": "America/New_York"}),
    ("cost/breakdown", {"groupBy": "source,operation", "topN": "2", "other": "false", "interval": "week"}),
    ("cost/movers", {"groupBy": "service"}),
    ("cost/movers", {"groupBy": "user"}),
    ("cost/movers", {}),
    ("cost/unit-economics", {}),
    ("cost/unit-economics", {"service": "s3"}),
    ("usage", {}),
    ("usage", {"taskType": "film"}),
    ("performance/latency", {}),
    ("performance/latency", {"interval": "day", "timezone": "Asia/Kolkata"}),
    ("performance/latency", {"by": "operation", "interval": "hour"}),
)


def _some_spans() -> list[Span]:
    chosen = random.Random(5)  # noqa: S311 - no secret
    return [
        Span(
            start=FIRST + timedelta(minutes=chosen.randrange(9 * 1440), microseconds=chosen.choice((0, 1, 59_999_999))),
            duration_ns=chosen.randrange(10**6, 10**10),
            failed=chosen.choice(("", "", "Timeout: too late")),
            service=chosen.choice(("openai", "whisper", "s3")),
            operation=chosen.choice(("one", "two", "three")),
            cost=Decimal(chosen.randrange(10**9)).scaleb(-9),
            source=chosen.choice(("price_book", "fallback", "unpriced")),
            quantity=Decimal(chosen.randrange(10**6)).scaleb(-2),
            unit=chosen.choice(("tokens", "minutes", "GB", "requests")),
            user=f"user-{chosen.randrange(6)}",
            task=chosen.choice(("film", "voice")),
            step=chosen.choice(("cut", "mix", "")),
            model=chosen.choice(("gpt-4", "gpt-4o", "")),
            prompt=chosen.choice(("title", "", "plot")),
            category=chosen.choice(("video", "")),
        )
        for _ in range(600)
    ]


@pytest.fixture(scope="module")
def api(migrated_ledger: Ledger) -> TestClient:
    """The API of a ledger with records of nine days, all of them summed up."""
    emptied(migrated_ledger)
    store(migrated_ledger, _some_spans())
    worker = RollupWorker(migrated_ledger, quiet_seconds=0)
    while worker.rebuild():
        pass
    return TestClient(create_app(migrated_ledger, clock=lambda: NOW))


def _ask(api: TestClient, path: str, parameters: dict[str, str]) -> list[dict[str, object]]:
    answer = api.get(f"/api/analytics/{path}", params={**WINDOW, **parameters}, headers={"Cache-Control": "no-cache"})
    assert answer.status_code == HTTPStatus.OK, answer.text
    return cast("list[dict[str, object]]", json.loads(answer.text, parse_float=Decimal))


@pytest.mark.parametrize(("path", "parameters"), QUESTIONS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_report_from_rollups_is_the_report_from_records(
    api: TestClient, path: str, parameters: dict[str, str]
) -> None:
    """Equal to the last digit, but for percentiles, which are within one percent."""
    with mock.patch("spanledger_api.sums.plan_reading", return_value=RECORDS_ONLY):
        wanted = _ask(api, path, parameters)

    found = _ask(api, path, parameters)

    assert wanted
    assert is_right(found, wanted), f"{found} instead of {wanted}"

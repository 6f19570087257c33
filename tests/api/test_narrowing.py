"""Each filter of the dashboard on each report: a filtered page speaks of the same records throughout."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from starlette.testclient import TestClient

from spanledger_api.app import create_app
from tests.api.conftest import NOW
from tests.api.spans import Span, store
from tests.conftest import emptied

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_WANTED: Final = {
    "service": "openai",
    "userId": "ada",
    "taskType": "film",
    "step": "cut",
    "prompt": "video/title",
    "operation": "gpt-4_video_title",
    "model": "gpt-4",
    "source": "fallback",
    "status": "failed",
}
"""The filters, and the value of each that one of the two records has."""

_COST: Final = Decimal(3)
_ANALYTICS: Final = "/api/analytics"
_COSTS: Final = {
    f"{_ANALYTICS}/cost/users": "total_cost",
    f"{_ANALYTICS}/cost/services": "total_cost",
    f"{_ANALYTICS}/cost/trend": "total_cost",
    f"{_ANALYTICS}/cost/prompts": "total_cost",
    f"{_ANALYTICS}/cost/fallback": "total_cost",
    f"{_ANALYTICS}/cost/breakdown": "total_cost",
    f"{_ANALYTICS}/cost/movers": "current_cost",
    f"{_ANALYTICS}/cost/forecast": "month_to_date",
}
"""The reports that add up to what was spent, and the column that does."""


@pytest.fixture(scope="module")
def api(migrated_ledger: Ledger) -> TestClient:
    """An API over two records that have nothing in common, each in an execution of its own."""
    ledger, began = emptied(migrated_ledger), NOW - timedelta(hours=2)
    store(
        ledger,
        [
            Span(execution="one", execution_status="completed", user="ada", task="film", start=began),
            Span(
                service="openai",
                operation="gpt-4_video_title",
                model="gpt-4",
                category="video",
                prompt="title",
                user="ada",
                task="film",
                step="cut",
                source="fallback",
                failed="E: x",
                execution="one",
                cost=_COST,
                start=began,
            ),
            Span(execution="other", execution_status="completed", user="bo", task="song", start=began),
            Span(service="openai", operation="other", cost=Decimal(7), execution="other", start=began),
            Span(service="whisper", operation="other", cost=Decimal(40), execution="other", start=began),
        ],
    )
    return TestClient(create_app(ledger, clock=lambda: NOW))


def _ask(api: TestClient, path: str, **parameters: str) -> Any:  # noqa: ANN401 - the API's JSON as it is
    answer = api.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text, parse_float=Decimal)


@pytest.mark.parametrize("path", _COSTS)
def test_costs_are_of_the_records_asked_for(api: TestClient, path: str) -> None:
    """Every filter but that of the service, which both may have, leaves the one record; a value of nobody, nothing."""
    for name, value in _WANTED.items():
        expected = _COST + 7 * (name == "service" and not path.endswith("fallback"))

        assert sum(row[_COSTS[path]] for row in _ask(api, path, **{name: value})) == expected, name
        assert sum(row[_COSTS[path]] for row in _ask(api, path, **{name: "nobody's"})) == 0, name


def test_the_state_of_the_data_is_that_of_the_records_asked_for(api: TestClient) -> None:
    """The shares change with every filter, and there is a CSV of them too."""
    assert _ask(api, "/api/health/data")["cost_records_count"] == 3
    for name, value in _WANTED.items():
        found = _ask(api, "/api/health/data", **{name: value})
        assert (found["cost_records_count"], found["fallback_count"]) == (1 + (name == "service"), 1), name
    assert api.get("/api/health/data", params={"format": "csv"}).text.count("\r\n") == 2


def test_latency_is_of_the_calls_asked_for(api: TestClient) -> None:
    """Calls are narrowed by everything; runs of steps say no service, and the answer names the parameter."""
    for name, value in _WANTED.items():
        rows = _ask(api, f"{_ANALYTICS}/performance/latency", by="operation", **{name: value})
        assert sum(row["count"] for row in rows) == 1 + (name == "service"), name
    for name in ("service", "operation", "model", "prompt", "source"):
        refused = api.get(f"{_ANALYTICS}/performance/latency", params={name: _WANTED[name]})
        assert (refused.status_code, refused.json()["parameter"]) == (422, name)


def test_executions_are_those_that_paid_for_it(api: TestClient) -> None:
    """One record of an execution has to say everything that is asked for; what the execution cost stays whole."""
    for name, value in _WANTED.items():
        if name not in {"status", "service"}:
            rows = _ask(api, "/api/executions", **{name: value})
            assert [(row["execution_id"], row["total_cost"]) for row in rows] == [("one", _COST)], name
    rows = _ask(api, "/api/executions", service="whisper", operation="other")
    assert [(row["execution_id"], row["total_cost"]) for row in rows] == [("other", 47)]
    assert _ask(api, "/api/executions", service="whisper", model="gpt-4") == []

"""A report as of an earlier time is the report that was given then, whatever arrived or was re-priced since."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from spanledger.pricing import Calculator, PriceBook
from spanledger_api.app import create_app
from spanledger_clickhouse.repricing import Repricer
from tests.clickhouse.repricing.conftest import EVERYTHING, NEW_PRICES, arrive, chat, transcription

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

_REPORTS = {
    "/api/analytics/cost/users": {},
    "/api/analytics/cost/services": {},
    "/api/analytics/cost/prompts": {},
    "/api/analytics/cost/trend": {},
    "/api/analytics/cost/breakdown": {"groupBy": "service,user"},
    "/api/analytics/cost/movers": {"groupBy": "service"},
    "/api/analytics/cost/failures": {},
    "/api/analytics/cost/unit-economics": {},
    "/api/analytics/cost/operations": {},
    "/api/analytics/cost/unpriced": {},
    "/api/analytics/cost/fallback": {},
    "/api/analytics/usage": {},
    "/api/analytics/performance/cost-latency": {},
    "/api/analytics/recommendations": {},
}
_WINDOW = {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}


@pytest.fixture
def repricer(ledger: Ledger, tmp_path: Path) -> Repricer:
    """A re-pricing by new prices."""
    file = tmp_path / "prices.toml"
    file.write_text(NEW_PRICES)
    book = PriceBook.with_overrides(file)
    return Repricer(ledger, book, Calculator(book))


def _now(ledger: Ledger) -> str:
    """A time after everything that has been written and before everything that will be."""
    [row] = ledger.query("SELECT toUnixTimestamp64Milli(now64(3)) AS now, sleep(0.01)")
    return datetime.fromtimestamp(int(str(row["now"])) / 1000 + 0.005, UTC).isoformat(timespec="milliseconds")


def test_every_report_can_be_asked_as_of_then(ledger: Ledger, get: Get, repricer: Repricer) -> None:
    """What each report said after the first records it says again as of that time, and now it says something else."""
    work = {"task.type": "t", "step.name": "s", "execution.id": "e", "gen_ai.prompt.name": "p"}
    arrive(ledger, 1, chat() | work)
    arrive(ledger, 2, transcription() | work)
    arrive(ledger, 3, {"task.type": "t", "step.name": "s", "execution.id": "e", "execution.status": "completed"})
    said = {path: get(path, {**_WINDOW, **more}) for path, more in _REPORTS.items()}
    then = _now(ledger)

    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")
    arrive(ledger, 4, chat("u3") | work)

    for path, more in _REPORTS.items():
        assert get(path, {**_WINDOW, **more, "asOf": then}) == said[path], path
    assert get("/api/analytics/cost/users", _WINDOW) != said["/api/analytics/cost/users"]


def test_each_moment_has_its_amounts(ledger: Ledger, get: Get, repricer: Repricer) -> None:
    """Before, between and after a re-pricing and its undoing the total is what it was."""

    def total(**asked: str) -> Decimal:
        rows = get("/api/analytics/cost/users", {**_WINDOW, **asked})
        return sum((Decimal(str(row["total_cost"])) for row in rows), Decimal(0))

    empty = _now(ledger)
    arrive(ledger, 1, chat())
    first = _now(ledger)
    batch = repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")
    second = _now(ledger)
    repricer.undo(batch.batch_id, reason="", by="ann")
    third = _now(ledger)

    assert [total(asOf=moment) for moment in (empty, first, second, third)] == [
        Decimal(0),
        Decimal("0.06"),
        Decimal("0.046"),
        Decimal("0.06"),
    ]
    assert total() == Decimal("0.06")


def test_the_state_of_the_data_is_told_as_of_then(ledger: Ledger, client: TestClient) -> None:
    """Counts and shares are those of the records that had arrived, steps too; how fresh the ledger is stays of now."""
    path, step = "/api/health/data", {"task.type": "t", "step.name": "s"}
    arrive(ledger, 1, chat() | step)
    said = client.get(path, params=_WINDOW).json()
    then = _now(ledger)
    arrive(ledger, 2, chat("") | step)

    told = client.get(path, params=_WINDOW | {"asOf": then}).json()

    counts = {name for name in said if name.endswith(("_count", "_share"))}
    assert {name: told[name] for name in counts} == {name: said[name] for name in counts}
    assert (told["cost_records_count"], told["performance_records_count"]) == (1, 1)
    assert client.get(path, params=_WINDOW).json()["unattributed_count"] == 1


def test_a_month_is_forecast_from_what_was_known(ledger: Ledger, repricer: Repricer) -> None:
    """As of a time before a re-pricing the forecast, its range and the month so far are what they were then."""
    client = TestClient(create_app(ledger, clock=lambda: datetime(2026, 11, 20, 12, tzinfo=UTC)))

    def forecast(**asked: str) -> object:
        return client.get("/api/analytics/cost/forecast", params=asked).json()

    for number in range(1, 8):
        arrive(ledger, number, chat(), day=number)
    said, then = forecast(), _now(ledger)
    repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="", by="ann")

    assert forecast(asOf=then) == said
    assert forecast() != said


def test_a_time_that_is_none_is_refused(client: TestClient) -> None:
    """The problem names the parameter."""
    refused = client.get("/api/analytics/cost/users", params={"asOf": "yesterday"})

    assert (refused.status_code, refused.json()["parameter"]) == (422, "asOf")

"""The list of executions: exact costs, in every order, narrowed, in pages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/executions"


def _stored(ledger: Ledger) -> None:
    hour = timedelta(hours=1)
    roots = [
        Span(execution="cheap", execution_status="completed", user="u", task="t", start=NOW - hour, duration_ns=9),
        Span(execution="dear", execution_status="failed", failed="E: x", task="t", start=NOW - 3 * hour, duration_ns=5),
        Span(execution="open", execution_status="running", user="v", task="w", start=NOW - 2 * hour, duration_ns=1),
        Span(execution="old", execution_status="completed", start=NOW - timedelta(days=30)),
    ]
    paid = [
        Span(service="openai", cost=Decimal("0.000000000001"), execution="cheap"),
        Span(service="s3", cost=Decimal(3), execution="dear", start=NOW - 3 * hour - timedelta(days=16)),
        Span(service="openai", cost=Decimal(2), execution="dear"),
        Span(service="openai", cost=Decimal(7), currency="EUR", execution="dear"),
        Span(service="openai", cost=Decimal(1), execution="no root"),
    ]
    store(ledger, [*roots, *paid, *roots])


def test_each_execution_has_its_cost(ledger: Ledger, get: Get) -> None:
    """Repeats count once, other currencies are no dollars, and what began in the window is listed, newest first."""
    _stored(ledger)

    rows = get(PATH)

    assert [row["execution_id"] for row in rows] == ["cheap", "open", "dear"]
    assert rows[0] == {
        "execution_id": "cheap",
        "user_id": "u",
        "task_type": "t",
        "status": "completed",
        "total_cost": Decimal("0.000000000001"),
        "ai_calls_count": 1,
        "operations_count": 1,
        "error_message": None,
        "started_at": "2026-03-14T14:09:26Z",
        "completed_at": "2026-03-14T14:09:26.000000009Z",
        "duration": Decimal("0.000009"),
    }
    assert (rows[1]["completed_at"], rows[1]["duration"], rows[1]["total_cost"]) == (None, None, 0)
    assert (rows[2]["total_cost"], rows[2]["operations_count"], rows[2]["error_message"]) == (5, 3, "E: x")


def test_orders_filters_and_pages(ledger: Ledger, get: Get, client: TestClient) -> None:
    """Sorted by cost or duration the highest is first; filters narrow; pages follow each other."""
    _stored(ledger)

    def ids(**parameters: str | int) -> list[object]:
        return [row["execution_id"] for row in get(PATH, parameters)]

    assert ids(sort="cost") == ["dear", "cheap", "open"]
    assert ids(sort="duration") == ["cheap", "dear", "open"]
    assert ids(status="failed") == ["dear"]
    assert ids(userId="v") == ["open"]
    assert ids(userId="") == ["dear"]
    assert ids(taskType="t", sort="cost", limit=1, offset=1) == ["cheap"]
    assert "offset=1" in client.get(PATH, params={"limit": 1}).headers["Link"]
    assert client.get(PATH, params={"status": "lost"}).json()["parameter"] == "status"


def test_the_newest_are_found_behind_newer_roots_of_others(ledger: Ledger, get: Get, client: TestClient) -> None:
    """A page is full although the newest roots are second ones of earlier executions, or belong to other users."""
    second, day = timedelta(seconds=1), timedelta(days=1)
    first = [Span(execution=f"e{n:03}", execution_status="completed", start=NOW - day - n * second) for n in range(60)]
    late = [Span(execution="e059", execution_status="failed", user="u", start=NOW - n * second) for n in range(40)]
    store(ledger, [*first, *late, Span(execution="e059", execution_status="completed", start=NOW - 40 * day)])
    others = [f"e{n:03}" for n in range(59)]

    assert [row["execution_id"] for row in get(PATH, {"limit": 2})] == others[:2]
    assert [row["execution_id"] for row in get(PATH, {"limit": 2, "offset": 57})] == others[57:]
    assert [row["execution_id"] for row in get(PATH, {"userId": "", "limit": 1})] == others[:1]
    assert get(PATH, {"userId": "u"}) == []
    (row,) = get(PATH, {"userId": "u", "from": "2026-01-01T00:00:00Z"})
    assert (row["execution_id"], row["status"]) == ("e059", "failed")
    assert "Link" not in client.get(PATH, params={"limit": 2, "offset": 57}).headers

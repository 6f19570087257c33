"""Changes against the time before: equally long, exact, and named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/cost/movers"
_MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def test_each_group_is_compared_with_the_equally_long_time_before(ledger: Ledger, get: Get) -> None:
    """Both times are half-open and touch; what is older than both is in neither."""
    week = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-08T00:00:00Z", "groupBy": "service"}
    tick = timedelta(microseconds=1)
    store(
        ledger,
        [
            Span(service="up", cost=Decimal(3), start=_MARCH),
            Span(service="up", cost=Decimal(2), start=_MARCH - tick),
            Span(service="down", cost=Decimal(1), start=_MARCH + timedelta(days=7) - tick),
            Span(service="down", cost=Decimal(4), start=_MARCH - timedelta(days=7)),
            Span(service="new", cost=Decimal("0.1"), start=_MARCH),
            Span(service="gone", cost=Decimal("0.2"), start=_MARCH - tick),
            Span(service="same", cost=Decimal(5), start=_MARCH),
            Span(service="same", cost=Decimal(5), start=_MARCH - tick),
            Span(service="older", cost=Decimal(9), start=_MARCH - timedelta(days=7) - tick),
            Span(service="later", cost=Decimal(9), start=_MARCH + timedelta(days=7)),
        ],
    )

    rows = get(PATH, week)

    assert [tuple(row.values()) for row in rows] == [
        ("down", 1, 4, -3, -75, "down"),
        ("up", 3, 2, 1, 50, "up"),
        ("gone", 0, Decimal("0.2"), Decimal("-0.2"), -100, "gone"),
        ("new", Decimal("0.1"), 0, Decimal("0.1"), None, "new"),
        ("same", 5, 5, 0, 0, "same"),
    ]
    del week["groupBy"]
    assert get(PATH, week)[0] == {
        "name": "",
        "current_cost": Decimal("9.1"),
        "previous_cost": Decimal("11.2"),
        "change": Decimal("-2.1"),
        "change_percent": Decimal("-18.75"),
        "state": "down",
    }


def test_an_open_window_ends_now(ledger: Ledger, get: Get) -> None:
    """On the 14th the month so far is compared with as many days before it began."""
    store(
        ledger,
        [
            Span(service="s", cost=Decimal(1)),
            Span(service="s", cost=Decimal(2), start=datetime(2026, 2, 15, 9, tzinfo=UTC)),
            Span(service="s", cost=Decimal(4), start=datetime(2026, 2, 15, 8, tzinfo=UTC)),
        ],
    )

    assert get(PATH)[0]["previous_cost"] == 2


@pytest.mark.parametrize("start", ["2030-01-01T00:00:00Z", "1970-06-01T00:00:00Z"])
def test_a_window_with_nothing_to_compare_is_refused(client: TestClient, start: str) -> None:
    """The future has no cost yet, and before 1970 there is nothing."""
    answer = client.get(PATH, params={"from": start})

    assert answer.status_code == 422
    assert answer.json()["parameter"] == "from"

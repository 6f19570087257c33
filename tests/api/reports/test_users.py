"""The report on users: exact, ordered, narrowed and stable under repeats."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from tests.api.spans import Span, store, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/cost/users"


def test_equals_a_recount_in_decimals(ledger: Ledger, get: Get) -> None:
    """Over many records with twelve decimals, each user's row is the exact sum and count, the highest first."""
    random = Random(7)  # noqa: S311 - test data
    spans = [
        Span(
            service=random.choice(["openai", "s3"]),
            user=f"user-{random.randrange(9)}",
            cost=Decimal(random.randrange(10**15)).scaleb(-12),
            start=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(13 * 86400)),
        )
        for _ in range(500)
    ]
    store(ledger, spans)
    counts = Counter(span.user for span in spans)
    expected = [
        {"user_id": user, "total_cost": total(s for s in spans if s.user == user), "operations_count": counts[user]}
        for user in counts
    ]

    rows = get(PATH, {"topN": 100})

    assert rows == sorted(expected, key=lambda row: (-Decimal(str(row["total_cost"])), row["user_id"]))
    assert get(PATH, {"topN": 3}) == rows[:3]


def test_ties_are_in_order_of_name_and_ten_is_the_default(ledger: Ledger, get: Get) -> None:
    """Users of equal cost come by name, and there are at most ten unless more are asked for."""
    store(ledger, [Span(service="s3", user=f"u{number:02}", cost=Decimal("0.01")) for number in range(12, 0, -1)])

    assert [row["user_id"] for row in get(PATH)] == [f"u{number:02}" for number in range(1, 11)]


def test_a_repeated_span_counts_once(ledger: Ledger, get: Get) -> None:
    """The same span, stored again in another batch, changes nothing."""
    span = Span(service="s3", user="u", cost=Decimal("0.1"))
    store(ledger, [span])
    store(ledger, [span, Span(service="s3", user="u", cost=Decimal("0.2"))])

    assert get(PATH) == [{"user_id": "u", "total_cost": Decimal("0.3"), "operations_count": 2}]


def test_records_without_a_user_are_one_row(ledger: Ledger, get: Get) -> None:
    """Their row has a null name, and an empty `userId` selects them."""
    store(ledger, [Span(service="s3", cost=Decimal(2)), Span(service="s3", user="u", cost=Decimal(1))])

    nobody = {"user_id": None, "total_cost": 2, "operations_count": 1}
    assert get(PATH) == [nobody, {"user_id": "u", "total_cost": 1, "operations_count": 1}]
    assert get(PATH, {"userId": ""}) == [nobody]


def test_the_window_is_half_open_and_goes_by_start(ledger: Ledger, get: Get) -> None:
    """A span that starts with the window is inside, one that starts with its end is not."""
    march = datetime(2026, 3, 1, tzinfo=UTC)
    store(
        ledger,
        [
            Span(service="s3", user="before", cost=Decimal(1), start=march - timedelta(microseconds=1)),
            Span(service="s3", user="first", cost=Decimal(1), start=march),
            Span(service="s3", user="later", cost=Decimal(1), start=march + timedelta(hours=1)),
            Span(service="s3", user="future", cost=Decimal(1), start=datetime(2026, 6, 1, tzinfo=UTC)),
        ],
    )

    def users(**parameters: str) -> list[object]:
        return [row["user_id"] for row in get(PATH, parameters)]

    assert users() == ["first", "future", "later"]
    assert users(timezone="Asia/Taipei") == ["before", "first", "future", "later"]
    assert users(**{"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T01:00:00Z"}) == ["first"]
    assert users(**{"from": "2026-03-01T08:00:00.000000001+08:00", "to": "2026-03-02T00:00:00Z"}) == ["later"]
    assert users(period="daily") == ["future"]


def test_filters_narrow_the_records(ledger: Ledger, get: Get) -> None:
    """Service, task type, execution and user each select, also values that look like SQL; `*` selects nothing out."""
    odd = "x' OR 1=1 --"
    store(
        ledger,
        [
            Span(service="openai", user="a", cost=Decimal(1), task="t1", execution="e1"),
            Span(service="s3", user="b", cost=Decimal(2), task="t2", execution="e2"),
            Span(service="s3", user=odd, cost=Decimal(3), task="t2", execution="e3"),
        ],
    )

    def users(**parameters: str) -> set[object]:
        return {row["user_id"] for row in get(PATH, parameters)}

    assert users(service="openai") == {"a"}
    assert users(taskType="t2") == {"b", odd}
    assert users(executionId="e2") == {"b"}
    assert users(userId=odd) == {odd}
    assert users(service="openai", taskType="t2") == set()
    assert users(service="*", taskType="t2", userId="*") == {"b", odd}


def test_currencies_are_never_added_up(ledger: Ledger, get: Get, client: TestClient) -> None:
    """A report holds one currency, US dollars unless another is asked for, and says which."""
    store(
        ledger,
        [
            Span(service="s3", user="u", cost=Decimal(1)),
            Span(service="s3", user="u", cost=Decimal(5), currency="EUR"),
        ],
    )

    assert get(PATH) == [{"user_id": "u", "total_cost": 1, "operations_count": 1}]
    assert get(PATH, {"currency": "EUR"}) == [{"user_id": "u", "total_cost": 5, "operations_count": 1}]
    assert client.get(PATH, params={"currency": "EUR"}).headers["Spanledger-Currency"] == "EUR"


def test_sums_go_beyond_the_width_of_the_column(ledger: Ledger, get: Get) -> None:
    """Amounts that each fill the column add up without wrapping round or losing the last digit."""
    largest = Decimal("99999999999999999999999999.999999999999")
    store(ledger, [Span(service="s3", user="u", cost=largest) for _ in range(3)])

    (row,) = get(PATH)

    assert row["total_cost"] == Decimal("299999999999999999999999999.999999999997")


def test_csv_has_the_same_rows(ledger: Ledger, client: TestClient) -> None:
    """The form is CSV with a heading, also where there are no rows."""
    heading = "user_id,total_cost,operations_count\r\n"
    assert client.get(PATH, params={"format": "csv"}).text == heading
    store(ledger, [Span(service="s3", user='a,"b', cost=Decimal("0.06")), Span(service="s3", cost=Decimal("0.01"))])

    answer = client.get(PATH, params={"format": "csv"})

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text == heading + '"a,""b",0.06,1\r\n,0.01,1\r\n'

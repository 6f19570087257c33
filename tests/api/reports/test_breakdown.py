"""The breakdown: exact in every grouping, calendar and page, and flat for dashboards."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from spanledger_api.grouping import Grouping
from tests.api.conftest import NOW
from tests.api.spans import Span, store
from tests.conftest import emptied

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/cost/breakdown"
_FIELDS = {
    "user": "user",
    "service": "service",
    "operation": "operation",
    "model": "model",
    "task_type": "task",
    "step": "step",
    "source": "source",
}


def _spans(count: int = 300) -> list[Span]:
    random = Random(5)  # noqa: S311 - test data
    return [
        Span(
            service=random.choice(["openai", "s3", "whisper"]),
            operation=random.choice(["a", "b"]),
            user=random.choice(["u1", "u2", "u3", ""]),
            model=random.choice(["gpt-4", ""]),
            task=random.choice(["t", "v"]),
            step=random.choice(["x", ""]),
            source=random.choice(["price_book", "fallback", "provider"]),
            cost=Decimal(random.randrange(10**14)).scaleb(-12),
            start=NOW - timedelta(minutes=random.randrange(40 * 1440)),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("groups", [("user",), ("service", "user"), ("model", "step"), ("task_type", "source")])
def test_totals_equal_a_recount(ledger: Ledger, get: Get, groups: tuple[str, ...]) -> None:
    """Each group is the exact sum of its records, the most expensive first; the rows add up to the whole."""
    spans = [span for span in _spans() if span.start >= datetime(2026, 3, 1, tzinfo=UTC)]
    store(ledger, spans)
    costs: defaultdict[tuple[str, ...], list[Decimal]] = defaultdict(list)
    for span in spans:
        costs[tuple(str(getattr(span, _FIELDS[group])) for group in groups)].append(span.cost or Decimal(0))
    whole = sum((span.cost or Decimal(0) for span in spans), Decimal(0))

    rows = get(PATH, {"groupBy": ",".join(groups)})

    assert rows == [
        {
            **dict(zip(groups, key, strict=True)),
            "total_cost": sum(costs[key]),
            "share": (sum(costs[key], Decimal(0)) / whole).quantize(Decimal("1e-12")),
            "operations_count": len(costs[key]),
            "unpriced_count": 0,
        }
        for key in sorted(costs, key=lambda key: (-sum(costs[key]), key))
    ]


def _bucket(moment: datetime, interval: str, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    if interval == "hour":
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    day -= timedelta(days={"day": 0, "week": day.weekday(), "month": day.day - 1}[interval])
    return day.replace(tzinfo=zone).astimezone(UTC)


@pytest.fixture(scope="module")
def stored(migrated_ledger: Ledger) -> list[Span]:
    """Spans that the ledger holds: for tests that stand side by side, as whoever empties it empties it for all."""
    spans = _spans()
    store(emptied(migrated_ledger), spans)
    return spans


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
@pytest.mark.parametrize("interval", ["hour", "day", "week", "month"])
def test_series_equal_a_recount_in_every_calendar(stored: list[Span], get: Get, interval: str, zone: str) -> None:
    """Points are where the zone's calendar puts them, half-hour offsets and a change of clocks included."""
    costs: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for span in stored:
        time = _bucket(span.start, interval, ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%SZ")
        costs[time, span.service] += span.cost or Decimal(0)

    rows = get(PATH, {"interval": interval, "timezone": zone, "from": "2026-01-01T00:00:00Z", "limit": 10_000})

    assert [(row["time"], row["service"], row["total_cost"]) for row in rows] == [
        (*key, costs[key]) for key in sorted(costs)
    ]


@pytest.mark.usefixtures("stored")
def test_pages_are_the_list(client: TestClient) -> None:
    """Following the links gives every row once, in order, and the last page links to none."""
    asked = {"groupBy": "user,service", "interval": "hour", "from": "2026-01-01T00:00:00Z"}
    whole = client.get(PATH, params={**asked, "limit": 10_000}).json()

    rows: list[object] = []
    target: str | None = str(client.get(PATH, params={**asked, "limit": 97}).url)
    pages = 0
    while target:
        answer = client.get(target)
        rows += answer.json()
        pages += 1
        target = answer.headers["Link"].split(">")[0].removeprefix("<") if "Link" in answer.headers else None

    assert rows == whole
    assert pages == -(-len(whole) // 97)
    assert all(first["time"] <= second["time"] for first, second in pairwise(whole))


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("groups", ["user", "service,user"])
def test_a_flat_group_is_one_column(get: Get, client: TestClient, groups: str) -> None:
    """Whatever it is grouped by, a flat row names its group in one column and is the same row otherwise."""
    named = get(PATH, {"groupBy": groups, "interval": "day"})
    flat = get(PATH, {"groupBy": groups, "interval": "day", "flat": "true"})
    columns = groups.split(",")
    expected = [
        {"name": " / ".join(str(row[each]) for each in columns), **{k: v for k, v in row.items() if k not in columns}}
        for row in named
    ]
    assert flat == expected
    csv = client.get(PATH, params={"groupBy": groups, "flat": "true", "format": "csv"}).text
    assert csv.startswith("name,total_cost")


@pytest.mark.parametrize("interval", ["none", "day"])
def test_the_rest_is_one_row(ledger: Ledger, get: Get, interval: str) -> None:
    """Beyond the top groups of the window the others are added up, or left out, and nothing is lost."""
    spans = [span for span in _spans() if span.start >= datetime(2026, 3, 1, tzinfo=UTC)]
    store(ledger, spans)
    asked = {"groupBy": "user", "interval": interval}
    best = get(PATH, {"groupBy": "user"})[0]["user"]

    everything, top = get(PATH, asked), get(PATH, {**asked, "topN": 1})

    def total(rows: list[dict[str, object]]) -> Decimal:
        return sum((Decimal(str(row["total_cost"])) for row in rows), Decimal(0))

    assert {row["user"] for row in top} == {best, "(other)"}
    assert total(top) == total(everything)
    kept = get(PATH, {**asked, "topN": 1, "other": "false"})
    assert kept == [row for row in everything if row["user"] == best]


def test_prompts_are_named_with_their_category(ledger: Ledger, get: Get) -> None:
    """The name has the category before it, can be filtered by, and is a dimension like every other."""
    paid = Span(service="openai", cost=Decimal(1), category="video", prompt="title")
    store(ledger, [paid, Span(service="openai", cost=Decimal(2), prompt="bare"), Span(service="s3", cost=Decimal(4))])

    assert [row["prompt"] for row in get(PATH, {"groupBy": "prompt"})] == ["", "bare", "video/title"]
    assert [row["total_cost"] for row in get(PATH, {"prompt": "video/title"})] == [1]
    assert [row["value"] for row in get("/api/dimensions/prompt")] == ["bare", "video/title"]


@pytest.mark.parametrize("grouping", list(Grouping))
def test_every_dimension_groups_and_lists(ledger: Ledger, get: Get, grouping: str) -> None:
    """Whatever can be grouped by can be listed too."""
    store(
        ledger,
        [
            Span(service="s3", cost=Decimal(1), user="u", model="m", task="t", step="s", prompt="p", failed="x"),
            Span(service="s3", source="unpriced"),
        ],
    )

    named = [row[grouping] for row in get(PATH, {"groupBy": grouping}) if row[grouping]]

    assert sorted(str(name) for name in named) == [row["value"] for row in get(f"/api/dimensions/{grouping}")]


@pytest.mark.parametrize("groups", ["", "nobody", "user,service,model", "user;DROP TABLE x", "user, service"])
def test_no_other_name_is_a_dimension(client: TestClient, groups: str) -> None:
    """What is not on the list is refused by name and never reaches the ledger."""
    answer = client.get(PATH, params={"groupBy": groups})

    assert answer.status_code == 422
    assert answer.json()["parameter"] == "groupBy"

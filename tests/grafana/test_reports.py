"""Every panel, variable and rule over the API gets what Grafana's plugin can make a frame of."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from spanledger_api.app import create_app
from spanledger_api.grouping import Grouping
from spanledger_api.http_server import HttpServer
from tests.api.spans import Span, store
from tests.grafana.conftest import limit
from tests.grafana.files import Panel, board, panels, rules, unchosen, variables
from tests.grafana.infinity_plugin import Model, TimeRange, alerts, interpolated, query, series

if TYPE_CHECKING:
    from collections.abc import Generator

    from spanledger_clickhouse.ledger import Ledger

_PANELS = panels("api/")
_RULES = {rule["uid"].removeprefix("spanledger-"): rule for rule in rules()}
_TOUCHED = {"ada", "openai", "video_generation", "video_selection/title"}
_ONE = {"user": "bo & sons", "service": "openai", "task_type": "video_generation", "prompt": "video_selection/title"}


@pytest.mark.parametrize("panel", _PANELS, ids=str)
def test_every_panel_shows_something(api: httpx.Client, span: TimeRange, panel: Panel) -> None:
    """Its columns are there with their types, its rows ascend where they are a series, and there are some."""
    frame = query(api, panel.target, unchosen(panel.board), span)
    assert frame.rows
    if panel.target["format"] == "timeseries":
        found = series(frame)
        assert max(len(points) for points in found.values()) > 5


@pytest.mark.parametrize("panel", _PANELS, ids=str)
def test_every_panel_takes_what_is_chosen(api: httpx.Client, span: TimeRange, panel: Panel) -> None:
    """Filters reach the API as they are, whatever signs they hold, over a year as over two weeks."""
    year = replace(span, start=span.end - timedelta(days=366))
    query(api, panel.target, {**unchosen(panel.board), **_ONE}, year)


@pytest.mark.parametrize(("days", "step"), [(2, "hour"), (3, "day"), (93, "day"), (94, "week")])
def test_steps_suit_the_range(span: TimeRange, days: int, step: str) -> None:
    """Points of a series cover hours of two days, days of three months, and weeks of anything longer."""
    asked = {each["value"] for panel in _PANELS for each in panel.target["url_options"]["params"]}
    (macro,) = [value for value in asked if "$__customInterval" in value]
    assert interpolated(macro, {}, replace(span, start=span.end - timedelta(days=days))) == step


@pytest.mark.parametrize("group", list(Grouping))
def test_readers_choose_what_to_group_by(api: httpx.Client, span: TimeRange, group: str) -> None:
    """Every choice of the variable is one that the API has, and panels that follow it show each of its groups."""
    (variable,) = [each for each in board("api/cost.json")["templating"]["list"] if each["name"] == "group"]
    assert group in variable["query"].split(",")
    followers = [panel for panel in _PANELS if "${group:raw}" in str(panel.target)]
    assert len(followers) == 3
    for panel in followers:
        assert query(api, panel.target, {**unchosen(panel.board), "group": group}, span).rows


def test_a_filter_narrows(api: httpx.Client, span: TimeRange) -> None:
    """A chosen user's cost is a part of the whole, and the parts of all users are the whole."""
    panel = next(panel for panel in _PANELS if panel.title == "Cost")

    def cost(**chosen: str) -> Decimal:
        (found,) = alerts(query(api, _only(panel.target, "Cost"), {**unchosen(panel.board), **chosen}, span)).values()
        return found

    parts = [cost(user=user) for user in ("ada", "bo & sons", "chen+1", "")]
    assert sum(parts, Decimal(0)) == cost()
    assert min(parts) > 0


def _only(target: Model, name: str) -> Model:
    """The same question for one column."""
    return {**target, "columns": [column for column in target["columns"] if column["text"] == name]}


@pytest.mark.parametrize(("name", "variable"), variables("api/"))
def test_every_variable_offers_values(api: httpx.Client, span: TimeRange, name: str, variable: Model) -> None:
    """A variable's values are the dimension's, under the two names that Grafana takes them from."""
    frame = query(api, variable["query"]["infinityQuery"], {}, span)
    assert set(frame.columns) == {"__text", "__value"}, name
    assert set(_TOUCHED) & {str(value) for value in frame.columns["__value"]}


def _range(rule: Model, now: datetime) -> TimeRange:
    (data, _) = rule["data"]
    return TimeRange(now - timedelta(seconds=data["relativeTimeRange"]["from"]), now)


def _firing(api: httpx.Client, rule: Model, now: datetime) -> list[tuple[Any, ...]]:
    """The alerts of a rule whose value is over its threshold, evaluated as Grafana's expression does."""
    (data, condition) = rule["data"]
    assert rule["condition"] == condition["refId"] != condition["model"]["expression"] == data["refId"]
    assert condition["datasourceUid"] == "__expr__"
    (evaluator,) = [each["evaluator"] for each in condition["model"]["conditions"]]
    assert evaluator["type"] == "gt"
    (threshold,) = evaluator["params"]
    values = alerts(query(api, data["model"], {}, _range(rule, now)))
    return [named for named, value in values.items() if value > Decimal(str(threshold))]


@pytest.mark.parametrize("name", _RULES)
def test_every_rule_is_evaluable(api: httpx.Client, span: TimeRange, name: str) -> None:
    """A rule's rows are one number each, told apart by texts, so that each is an alert of its own."""
    (data, _) = _RULES[name]["data"]
    frame = query(api, data["model"], {}, _range(_RULES[name], span.end))
    if name == "operation":  # nothing of the history costs that much
        assert not frame.columns
        return
    assert alerts(frame)
    assert len(frame.of_kind("number")) == 1


@contextmanager
def _served(ledger: Ledger, now: datetime) -> Generator[httpx.Client]:
    app = create_app(ledger, clock=lambda: now)
    with HttpServer(app, "127.0.0.1", 0) as server, httpx.Client(base_url=server.url) as client:
        yield client


@pytest.fixture
def now() -> datetime:
    """The time that a rule is evaluated at."""
    return datetime.now(UTC)


def test_nothing_fires_on_quiet_days(ledger: Ledger, now: datetime) -> None:
    """Cheap, fast and priced operations make no alert."""
    store(ledger, [replace(span, source="price_book", cost=Decimal("0.01")) for span in _quiet(now)])
    limit(ledger, "Team", "0.02")
    with _served(ledger, now) as api:
        assert not any(_firing(api, rule, now) for rule in _RULES.values())


def _quiet(now: datetime) -> list[Span]:
    start = now - timedelta(minutes=20)
    return [
        Span(start=start, service="openai", user="u", execution="e", task="t"),
        Span(start=start, task="t", step="s", duration_ns=10**9),
    ]


def test_each_rule_fires_for_what_it_is_about(ledger: Ledger, now: datetime) -> None:
    """A spent budget, a dear operation, a slow step, a missing price and silence each make an alert that names them."""
    start = now - timedelta(minutes=20)
    dear = Span(start=start, service="openai", operation="gpt-4_a_b", cost=Decimal("100.5"), user="ada", execution="e")
    slow = Span(start=start, task="t", step="s", duration_ns=61 * 10**9)
    store(ledger, [dear, slow, Span(start=start, service="s3", source="unpriced")])
    limit(ledger, "Team", "100.4")
    limit(ledger, "Company", "100.5")
    with _served(ledger, now) as api:
        fired = {name: _firing(api, rule, now) for name, rule in _RULES.items()}
    assert {name for name, found in fired.items() if found} == set(_RULES) - {"lag"}
    assert [named[:4] for named in fired["operation"]] == [("e", "gpt-4_a_b", fired["operation"][0][2], "openai")]
    assert fired["step-duration"] == [("s", "t")]
    assert fired["budget"] == [("Team", "Team", "yearly")]

    later = now + timedelta(hours=2)
    with _served(ledger, later) as api:
        assert _firing(api, _RULES["lag"], later)


def test_an_empty_ledger_is_no_failure(ledger: Ledger, span: TimeRange) -> None:
    """Before the first record every panel and rule gets an answer, and only the rule about silence speaks."""
    with _served(ledger, span.end) as api:
        for panel in _PANELS:
            query(api, panel.target, unchosen(panel.board), span)
        assert not any(_firing(api, rule, span.end) for rule in _RULES.values())
    assert _RULES["lag"]["noDataState"] == "Alerting"
    assert {rule["noDataState"] for name, rule in _RULES.items() if name != "lag"} == {"OK"}

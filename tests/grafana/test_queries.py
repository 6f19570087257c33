"""Every query of the boards over SQL runs, and what it sums is exact."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess
from tests.api.spans import total
from tests.grafana.clickhouse_plugin import expanded
from tests.grafana.files import Panel, board, panels, unchosen, variables
from tests.grafana.history import history

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger
    from tests.grafana.infinity_plugin import Model, TimeRange

_PANELS = panels("clickhouse/")
_DAY = 86_400


def _rows(ledger: Ledger, panel: Panel, span: TimeRange, **chosen: str) -> list[dict[str, object]]:
    sql = expanded(panel.target["rawSql"], {**unchosen(panel.board), **chosen}, span, _DAY)
    return [dict(row) for row in ledger.query(sql)]


@pytest.mark.parametrize("panel", _PANELS, ids=str)
def test_every_panel_shows_something(filled: Ledger, span: TimeRange, panel: Panel) -> None:
    """Every query runs and has rows; series ascend by time, with texts and one number."""
    rows = _rows(filled, panel, span)
    assert rows
    if panel.target["format"] == 0:
        times = [row["time"] for row in rows]
        assert all(isinstance(time, datetime | date) for time in times)
        assert times == sorted(times)  # type: ignore[type-var]  # dates of one kind
        others = [value for name, value in rows[0].items() if name != "time"]
        assert sum(isinstance(value, float | int) for value in others) == 1
        assert all(isinstance(value, str | float | int) for value in others)


def test_an_embedded_ledger_answers_every_query(filled: Ledger, span: TimeRange) -> None:
    """The port of ClickHouse's protocol, which screens what it runs, takes the boards' queries and their variables'."""
    asked = [expanded(panel.target["rawSql"], unchosen(panel.board), span, _DAY) for panel in _PANELS]
    asked += [expanded(variable["query"], {}, span, _DAY) for _, variable in variables("clickhouse/")]
    with HttpServer(ClickHouseInterface(filled, LoopbackAccess()), "127.0.0.1", 0) as server:
        for sql in asked:
            answer = httpx.post(server.url, content=f"{sql}\nFORMAT JSONEachRow")
            assert answer.status_code == 200, f"{answer.text}\n{sql}"
            assert answer.text


@pytest.mark.parametrize("panel", _PANELS, ids=str)
def test_every_panel_takes_what_is_chosen(filled: Ledger, span: TimeRange, panel: Panel) -> None:
    """A chosen value is compared with as it is, quotes and all."""
    _rows(filled, panel, span, user="bo's & sons", service="openai", task_type="voiceover_processing")


@pytest.mark.parametrize("group", ["service", "user_id", "model", "operation", "task_type", "step_name"])
def test_readers_choose_what_to_group_by(filled: Ledger, span: TimeRange, group: str) -> None:
    """Every choice of the variable is a column, and the groups add up to the exact whole."""
    (variable,) = [each for each in board("clickhouse/cost.json")["templating"]["list"] if each["name"] == "group"]
    assert group in variable["query"].split(",")
    (panel,) = [panel for panel in _PANELS if panel.title == "Cost by ${group}"]
    costs = [row["Cost"] for row in _rows(filled, panel, span, group=group)]
    whole = sum((Decimal(str(cost)) for cost in costs), Decimal(0))
    assert abs(whole - total(history(span.end))) < Decimal("1e-9")


def test_a_filter_narrows(filled: Ledger, span: TimeRange) -> None:
    """One user's operations are a part of all, and a user that is not there has none."""
    (panel,) = [panel for panel in _PANELS if panel.title == "Operations" and panel.board == "clickhouse/cost.json"]
    ((whole,), (part,), (none,)) = (
        [row["Operations"] for row in _rows(filled, panel, span, **chosen)]
        for chosen in ({}, {"user": "bo & sons"}, {"user": "nobody"})
    )
    assert isinstance(whole, int)
    assert isinstance(part, int)
    assert whole > part > 0 == none


@pytest.mark.parametrize(("name", "variable"), variables("clickhouse/"))
def test_every_variable_offers_values(filled: Ledger, span: TimeRange, name: str, variable: Model) -> None:
    """A variable's values are those of its column in the range."""
    rows = [dict(row) for row in filled.query(expanded(variable["query"], {}, span, _DAY))]
    assert rows, name
    assert all(len(row) == 1 and "" not in row.values() for row in rows)

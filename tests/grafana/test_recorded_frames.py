"""The rebuilt steps make of answers what the plugin's own backend made of them.

`recorded_frames.json` was recorded on 2026-11-22 from the backend of the Infinity data source 3.11.1, and from the
library by which Grafana's expressions read numbers from its frames.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.grafana.infinity_plugin import Cell, Frame, Model, TimeRange, alerts, parameters, query, series

_RECORDED: Final[list[Model]] = json.loads(Path(__file__).with_name("recorded_frames.json").read_text())
_WIDENED: Final = [each for each in _RECORDED if each["meta"] == "timeseries-wide"]
_PLAIN: Final = [each for each in _RECORDED if each not in _WIDENED]
_READ: Final = [each for each in _PLAIN if "numbers" in each and "timestamp" not in str(each["columns"])]
_SPOILT: Final = {
    "a series that does not ascend",
    "series one after the other",
    "two values of one series at one moment",
}
_OF_ONE_NUMBER: Final = [each for each in _READ if str(each["columns"]).count("number") == 1]


def _target(recorded: Model) -> Model:
    asked = {
        "from": "${__timeFrom:date:iso}",
        "to": "${__timeTo:date:iso}",
        "interval": "$__customInterval(2d,hour,93d,day,week)",
        "user": "  bo & sons+\t",
    }
    return {
        "type": "json",
        "parser": "backend",
        "source": "url",
        "format": recorded["format"],
        "url": "/answer",
        "url_options": {"params": [{"key": key, "value": value} for key, value in asked.items()]},
        "root_selector": "",
        "columns": recorded["columns"],
    }


def _span(recorded: Model) -> TimeRange:
    return TimeRange(datetime.fromisoformat(recorded["from"]), datetime.fromisoformat(recorded["to"]))


def _frame(recorded: Model) -> Frame:
    """What the rebuilt steps make of the same answer."""
    answering = httpx.MockTransport(lambda _: httpx.Response(200, text=recorded["body"]))
    with httpx.Client(base_url="http://recorded", transport=answering) as client:
        return query(client, _target(recorded), {}, _span(recorded))


def _comparable(cell: Cell) -> str | float | datetime | None:
    """A cell as both sides have it: the plugin's numbers are binary."""
    return float(cell) if isinstance(cell, Decimal) else cell


def _cells(column: Model) -> list[str | float | datetime | None]:
    """The recorded cells of a column."""
    cells: list[str | float | None] = column["values"]
    if column["type"] != "timestamp":
        return list(cells)
    return [datetime.fromisoformat(cell) if isinstance(cell, str) else cell for cell in cells]


def _named(recorded: Model) -> str:
    return str(recorded["about"])


@pytest.mark.parametrize("recorded", _RECORDED, ids=_named)
def test_macros_become_what_was_sent(recorded: Model) -> None:
    """Ranges of time, steps and values reach the API as the plugin sent them."""
    assert parameters(_target(recorded), {}, _span(recorded)) == recorded["sent"]


@pytest.mark.parametrize("recorded", _PLAIN, ids=_named)
def test_answers_become_the_same_frames(recorded: Model) -> None:
    """Columns have the plugin's order, kinds and cells, and an answer without rows has none."""
    frame = _frame(recorded)
    assert frame.kinds == {column["name"]: column["type"] for column in recorded["frame"]}
    assert list(frame.columns) == [column["name"] for column in recorded["frame"]]
    for column in recorded["frame"]:
        assert [_comparable(cell) for cell in frame.columns[column["name"]]] == _cells(column)


@pytest.mark.parametrize("recorded", [each for each in _WIDENED if each["about"] not in _SPOILT], ids=_named)
def test_rows_become_the_same_series(recorded: Model) -> None:
    """Each combination of texts is a series, with a gap where it has no row."""
    time, *values = recorded["frame"]
    widened = {
        tuple(column["labels"].values()): [
            (moment, cell) for moment, cell in zip(_cells(time), _cells(column), strict=True) if cell is not None
        ]
        for column in values
    }
    found = series(_frame(recorded))
    assert {name: [(moment, float(cell)) for moment, cell in points] for name, points in found.items()} == widened


@pytest.mark.parametrize("about", sorted(_SPOILT))
def test_what_the_plugin_spoils_is_refused(about: str) -> None:
    """Rows that stay a table, or of which one is lost, without a word from the plugin are no series here."""
    (recorded,) = [each for each in _RECORDED if each["about"] == about]
    kept = sum(len(column["values"]) for column in recorded["frame"] if column["labels"])
    assert kept < len(json.loads(recorded["body"]))
    with pytest.raises(AssertionError):
        series(_frame(recorded))


@pytest.mark.parametrize("recorded", _OF_ONE_NUMBER, ids=_named)
def test_rows_become_the_same_alerts(recorded: Model) -> None:
    """Each row is a number with its texts as labels; one that is null is no data."""
    found = alerts(_frame(recorded))
    assert {named: float(value) for named, value in found.items()} == {
        tuple(number["labels"].values()): number["value"]
        for number in recorded["numbers"]
        if number["value"] is not None
    }


def test_no_answer_no_alert() -> None:
    """An answer without rows is no data to Grafana, whatever its columns would be."""
    (recorded,) = [each for each in _RECORDED if each["about"] == "an empty list of an alert"]
    assert "numbers" not in recorded
    assert alerts(_frame(recorded)) == {}

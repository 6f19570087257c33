"""The Infinity data source's own steps, as its `backend` parser takes them: macros, request, columns, frame."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

__all__ = ["Frame", "Model", "TimeRange", "alerts", "interpolated", "parameters", "query", "series"]

Model: TypeAlias = dict[str, Any]
"""A target, variable or rule as it stands in a file."""

Cell: TypeAlias = str | Decimal | datetime | None

_LENGTHS = {"h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True)
class TimeRange:
    """The range of time that a board or a rule covers."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Frame:
    """What a query gives: columns of equal length in the order of their names, as the plugin puts them.

    An answer without rows gives a frame without columns.

    Attributes:
        kinds: Kind of each column.
        columns: Cells of each column.
    """

    kinds: dict[str, str]
    columns: dict[str, list[Cell]]

    def of_kind(self, kind: str) -> list[str]:
        """Names of the columns of one kind."""
        return [name for name, found in self.kinds.items() if found == kind]

    @property
    def rows(self) -> list[dict[str, Cell]]:
        """The same, row by row."""
        return [dict(zip(self.columns, cells, strict=True)) for cells in zip(*self.columns.values(), strict=True)]


def interpolated(text: str, variables: Mapping[str, str], span: TimeRange) -> str:
    """A parameter as it is sent: the browser puts in variables, the plugin its macros; nothing else may be left."""
    text = re.sub(r"\$\{(\w+)(?::raw)?\}", lambda found: variables.get(found[1], found[0]), text)
    text = re.sub(r"\$__customInterval\((.*?)\)", lambda found: _interval(found[1].split(","), span), text)
    for name, instant in (("timeFrom", span.start), ("timeTo", span.end)):
        text = text.replace(f"${{__{name}:date:iso}}", _iso(instant))
    assert "$" not in text, f"neither a variable nor a macro: {text}"
    return text.strip()


def _interval(arguments: list[str], span: TimeRange) -> str:
    *steps, last = arguments
    for length, chosen in zip(steps[::2], steps[1::2], strict=True):
        if span.end - span.start <= int(length[:-1]) * _LENGTHS[length[-1]]:
            return chosen
    return last


def _iso(instant: datetime) -> str:
    """As the plugin writes it: milliseconds, without zeros at their end."""
    text = instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return text.rstrip("0").rstrip(".") + "Z"


def parameters(target: Model, variables: Mapping[str, str], span: TimeRange) -> dict[str, str]:
    """What the plugin sends after the path of a target."""
    stated: list[dict[str, str]] = target["url_options"]["params"]
    asked = {each["key"]: interpolated(each["value"], variables, span) for each in stated}
    assert len(asked) == len(stated), "one parameter twice"
    return asked


def query(client: httpx.Client, target: Model, variables: Mapping[str, str], span: TimeRange) -> Frame:
    """Ask as the plugin asks, and make a frame of the answer as it does."""
    assert (target["type"], target["parser"], target["source"]) == ("json", "backend", "url")
    answer = client.get(target["url"], params=parameters(target, variables, span))
    assert answer.status_code == 200, f"{answer.url}: {answer.text}"
    body: Any = json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)
    # A selector is a path of GJSON: a bare name is itself in every dialect, and no root needs one.
    assert target["root_selector"] == ""
    rows: list[dict[str, Any]] = [body] if isinstance(body, dict) else body
    frame = Frame({}, {})
    if not rows:
        return frame
    for column in sorted(target["columns"], key=lambda each: each["text"]):
        assert re.fullmatch(r"\w+", column["selector"])
        assert all(column["selector"] in row for row in rows), f"{target['url']} has no {column['selector']}"
        frame.kinds[column["text"]] = column["type"]
        frame.columns[column["text"]] = [_cell(row[column["selector"]], column["type"]) for row in rows]
    assert len(frame.columns) == len(target["columns"]), "two columns of one name"
    return frame


def _cell(value: object, kind: str) -> Cell:
    if value is None:
        return None
    if kind == "timestamp":
        assert isinstance(value, str)
        return datetime.fromisoformat(value)
    assert isinstance(value, {"string": str, "number": Decimal}[kind]), f"{value!r} is no {kind}"
    assert isinstance(value, (str, Decimal))
    return value


def series(frame: Frame) -> dict[tuple[Cell, ...], list[tuple[datetime, Decimal]]]:
    """The points of each series of a long frame, which Grafana widens only if all of this holds."""
    if not frame.columns:
        return {}
    (time,), (value,) = frame.of_kind("timestamp"), frame.of_kind("number")
    labels = frame.of_kind("string")
    assert labels, "a frame without texts is one series, and no long one"
    found: defaultdict[tuple[Cell, ...], list[tuple[datetime, Decimal]]] = defaultdict(list)
    last: datetime | None = None
    for row in frame.rows:
        instant, number = row[time], row[value]
        assert isinstance(instant, datetime)
        assert isinstance(number, Decimal)
        assert last is None or last <= instant, "not ascending by time"
        last = instant
        points = found[tuple(row[label] for label in labels)]
        assert not points or points[-1][0] < instant, "two values of one series at one time"
        points.append((instant, number))
    return dict(found)


def alerts(frame: Frame) -> dict[tuple[Cell, ...], Decimal]:
    """The value of each alert of a frame of rows, told apart by their texts; none of an empty one or of a null.

    Grafana has no data in both cases, and a text that is null is an empty one.
    """
    if not frame.columns:
        return {}
    assert not frame.of_kind("timestamp"), "a time makes it a series, which a threshold does not take"
    (value,) = frame.of_kind("number")
    labels = frame.of_kind("string")
    found: dict[tuple[Cell, ...], Decimal] = {}
    for row in frame.rows:
        number, named = row[value], tuple(row[label] or "" for label in labels)
        if number is None:
            continue
        assert isinstance(number, Decimal)
        assert named not in found, "two rows of one alert"
        found[named] = number
    return found

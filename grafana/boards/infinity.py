"""What the Infinity data source is asked: reports of the API, as targets of panels, variables and alert rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REPORTS", "REPORTS_UID", "Column", "Kind", "ReportTarget", "Shape", "values_query"]

REPORTS_UID: Final = "spanledger"
"""The data source's identifier; provisioning gives it this one."""

REPORTS: Final = DataSourceRef(type_val="yesoreyeram-infinity-datasource", uid=REPORTS_UID)
"""The data source of everything that reads the API."""

# The only time macros that the plugin expands on the server, where alert rules have no browser to do it.
_RANGE: Final = {"from": "${__timeFrom:date:iso}", "to": "${__timeTo:date:iso}"}


class Kind(StrEnum):
    """What a column of a report holds."""

    TEXT = "string"
    NUMBER = "number"
    TIME = "timestamp"


class Shape(StrEnum):
    """What becomes of a report's rows."""

    TABLE = "table"
    SERIES = "timeseries"
    """One series for each text; the rows must ascend by time, or the plugin leaves them a table without a word."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a report.

    Attributes:
        field: The report's field.
        name: What Grafana calls it; series carry it as a label.
        kind: What it holds.
    """

    field: str
    name: str
    kind: Kind = Kind.NUMBER


@dataclass(frozen=True, kw_only=True)
class ReportTarget(Builder[Dataquery], Dataquery):
    """One question to the API.

    Attributes:
        path: The report's path.
        columns: What is taken of its rows; the plugin puts them in the order of their names.
        parameters: Query parameters besides the range of time; values may hold variables and macros.
        shape: What becomes of the rows.
        ranged: Whether the report covers the range of time that Grafana shows.
        letter: The target's name within its panel or rule.
    """

    path: str
    columns: tuple[Column, ...]
    parameters: Mapping[str, str]
    shape: Shape = Shape.TABLE
    ranged: bool = True
    letter: str = "A"

    def build(self) -> Dataquery:
        """The target itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """The target as the plugin reads it.

        Its `backend` parser runs on Grafana's server, which alert rules need. Reports are bare lists: no root has to be
        selected.
        """
        asked = {**(_RANGE if self.ranged else {}), **self.parameters}
        return {
            "refId": self.letter,
            "datasource": REPORTS.to_json(),
            "type": "json",
            "parser": "backend",
            "source": "url",
            "format": self.shape.value,
            "url": self.path,
            "url_options": {
                "method": "GET",
                "data": "",
                "params": [{"key": key, "value": value} for key, value in asked.items()],
            },
            "root_selector": "",
            "columns": [
                {"selector": column.field, "text": column.name, "type": column.kind.value} for column in self.columns
            ],
            "filters": [],
        }


def values_query(dimension: str) -> dict[str, object]:
    """The query of a variable that offers every value a dimension has in the range of time."""
    target = ReportTarget(
        path=f"/api/dimensions/{dimension}",
        columns=(Column("value", "__text", Kind.TEXT), Column("value", "__value", Kind.TEXT)),
        parameters={},
        letter="variable",
    )
    return {"queryType": "infinity", "refId": "variable", "infinityQuery": target.to_json()}

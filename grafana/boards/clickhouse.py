"""What the ClickHouse data source is asked: SQL over the three tables, as targets of panels and variables."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

__all__ = ["LEDGER", "LEDGER_UID", "PLUGIN_VERSION", "Result", "SqlTarget", "values_sql"]

LEDGER_UID: Final = "spanledger-clickhouse"
"""The data source's identifier; provisioning gives it this one."""

LEDGER: Final = DataSourceRef(type_val="grafana-clickhouse-datasource", uid=LEDGER_UID)
"""The data source of everything that reads the tables."""

PLUGIN_VERSION: Final = "4.20.0"
"""The release of the data source that the queries are written for."""


class Result(IntEnum):
    """What becomes of a query's rows, by the plugin's numbers."""

    SERIES = 0
    TABLE = 1


@dataclass(frozen=True, kw_only=True)
class SqlTarget(Builder[Dataquery], Dataquery):
    """One query.

    Attributes:
        sql: The query; it may hold variables and the plugin's macros.
        result: What becomes of its rows.
        letter: The target's name within its panel.
    """

    sql: str
    result: Result = Result.TABLE
    letter: str = "A"

    def build(self) -> Dataquery:
        """The target itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """The target as the plugin reads it."""
        return {
            "refId": self.letter,
            "datasource": LEDGER.to_json(),
            "editorType": "sql",
            "queryType": "timeseries" if self.result is Result.SERIES else "table",
            "format": int(self.result),
            "pluginVersion": PLUGIN_VERSION,
            "rawSql": self.sql.strip(),
        }


def values_sql(column: str) -> str:
    """The query of a variable that offers every value of a column of ``cost_records`` in the range of time."""
    return f"SELECT DISTINCT {column} FROM cost_records WHERE $__timeFilter(started_at) AND {column} != '' ORDER BY 1"  # noqa: S608 - the columns are this package's own

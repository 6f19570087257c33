"""The ClickHouse data source's own steps before a query is sent: variables and macros."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.grafana.infinity_plugin import TimeRange

__all__ = ["expanded"]


def expanded(sql: str, variables: Mapping[str, str], span: TimeRange, interval_seconds: int) -> str:
    """The query as ClickHouse gets it.

    Args:
        sql: As it stands on the board.
        variables: Chosen values; one with quotes of its own stands for all, and is put in as it is.
        span: The range of time.
        interval_seconds: What a point of a series covers, as Grafana works it out from the width of a panel.
    """
    sql = re.sub(r"\$\{(\w+)(?::(\w+))?\}", lambda found: _chosen(variables[found[1]], found[2]), sql)
    start, end = int(span.start.timestamp()), int(span.end.timestamp())
    sql = re.sub(
        r"\$__timeFilter\((.*?)\)",
        lambda found: f"{found[1]} >= toDateTime({start}) AND {found[1]} <= toDateTime({end})",
        sql,
    )
    sql = re.sub(
        r"\$__timeInterval\((.*?)\)",
        lambda found: f"toStartOfInterval(toDateTime({found[1]}), INTERVAL {interval_seconds} second)",
        sql,
    )
    assert "$" not in sql, f"neither a variable nor a macro: {sql}"
    return sql


def _chosen(value: str, form: str | None) -> str:
    if form == "sqlstring" and value != "'*'":
        return "'" + value.replace("'", "''") + "'"
    return value

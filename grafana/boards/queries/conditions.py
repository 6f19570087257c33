"""What the queries of several boards share: which rows they read, and how sums of money are taken."""

from __future__ import annotations

from typing import Final

from boards.clickhouse import Result, SqlTarget
from boards.variables import sql_filter

__all__ = ["COSTS", "FILTER_VARIABLES", "MONEY", "RUNS", "cost_by", "cost_over_time"]

COSTS: Final = """FROM cost_records
WHERE $__timeFilter(started_at) AND currency = 'USD'
    AND ('*' = ${user:sqlstring} OR user_id = ${user:sqlstring})
    AND ('*' = ${service:sqlstring} OR service = ${service:sqlstring})
    AND ('*' = ${task_type:sqlstring} OR task_type = ${task_type:sqlstring})"""
"""Cost records of the range and the chosen filters, of one currency: amounts of several are never added up."""

RUNS: Final = """FROM performance_records
WHERE $__timeFilter(started_at)
    AND ('*' = ${user:sqlstring} OR user_id = ${user:sqlstring})
    AND ('*' = ${task_type:sqlstring} OR task_type = ${task_type:sqlstring})"""
"""Runs of steps in the range and of the chosen filters."""

MONEY: Final = "toFloat64(sum(toDecimal256(total_cost, 12)))"
"""An exact sum, and only then the number that a panel draws; a sum of the column's own width could wrap round."""

FILTER_VARIABLES: Final = (
    sql_filter("user", "user_id"),
    sql_filter("service", "service"),
    sql_filter("task_type", "task_type"),
)
"""The variables that these conditions need."""


def cost_over_time(column: str) -> SqlTarget:
    """A series for each value of a column, in steps that suit the range."""
    return SqlTarget(
        sql=f"""
SELECT $__timeInterval(started_at) AS time, toString({column}) AS group, {MONEY} AS cost
{COSTS}
GROUP BY time, group
ORDER BY time, group
""",
        result=Result.SERIES,
    )


def cost_by(column: str, limit: int = 50) -> SqlTarget:
    """The values of a column that cost most in the range."""
    return SqlTarget(
        sql=f"""
SELECT
    toString({column}) AS "Group", {MONEY} AS "Cost", count() AS "Operations",
    countIf(source = 'unpriced') AS "Unpriced"
{COSTS}
GROUP BY "Group"
ORDER BY "Cost" DESC, "Group"
LIMIT {limit}
"""
    )

"""What is spent, on what, and over which days."""

from __future__ import annotations

from boards.board import SQL_TAG, Board
from boards.clickhouse import Result, SqlTarget
from boards.panels import Unit, bars, listing, number
from boards.queries.conditions import COSTS, FILTER_VARIABLES, MONEY, cost_by, cost_over_time
from boards.variables import grouping, timezone

__all__ = ["COST"]

_WHOLE = SqlTarget(
    sql=f"""
SELECT
    {MONEY} AS "Cost", count() AS "Operations", uniqExact(execution_id) AS "Executions",
    countIf(source = 'unpriced') / greatest(count(), 1) AS "Unpriced"
{COSTS}
"""
)
_DAYS = SqlTarget(
    sql=f"""
SELECT toStartOfDay(toTimeZone(started_at, ${{timezone:sqlstring}})) AS time, service AS group, {MONEY} AS cost
{COSTS}
GROUP BY time, group
ORDER BY time, group
""",
    result=Result.SERIES,
)
_OPERATIONS = SqlTarget(
    sql=f"""
SELECT
    started_at AS "Started", operation AS "Operation", user_id AS "User", execution_id AS "Execution",
    toFloat64(total_cost) AS "Cost"
{COSTS}
ORDER BY total_cost DESC, started_at
LIMIT 50
"""
)

COST = Board(
    name="cost",
    title="Cost (SQL)",
    about="What AI and media workloads cost, by SQL over cost_records.",
    tag=SQL_TAG,
    page="/",
    variables=(
        grouping("service", "user_id", "model", "operation", "task_type", "step_name"),
        *FILTER_VARIABLES,
        timezone(),
    ),
    panels=(
        number("Cost", _WHOLE, "Cost", Unit.MONEY, "Exact sum of what started in the range."),
        number("Operations", _WHOLE, "Operations", Unit.COUNT, "Paid operations."),
        number("Executions", _WHOLE, "Executions", Unit.COUNT, "That paid for anything."),
        number("Unpriced", _WHOLE, "Unpriced", Unit.SHARE, "Share of the operations that nothing could price."),
        bars(
            "Cost over time by ${group}",
            cost_over_time("${group:raw}"),
            Unit.MONEY,
            "${__field.labels.group}",
            "In steps that suit the range.",
        ),
        bars(
            "Cost of each day",
            _DAYS,
            Unit.MONEY,
            "${__field.labels.group}",
            "Calendar days of the chosen time zone, by service.",
        ),
        listing(
            "Cost by ${group}",
            cost_by("${group:raw}"),
            {"Group": None, "Cost": Unit.MONEY, "Operations": Unit.COUNT, "Unpriced": Unit.COUNT},
            "An empty name: records that name none.",
        ),
        listing(
            "Most expensive operations",
            _OPERATIONS,
            {"Started": None, "Operation": None, "User": None, "Execution": None, "Cost": Unit.MONEY},
            "Single operations; the execution leads to its spans.",
            {"Execution": "${spanledger:raw}/executions/${__value.raw}"},
        ),
    ),
)

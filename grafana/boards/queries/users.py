"""Who costs what."""

from __future__ import annotations

from boards.board import SQL_TAG, Board
from boards.clickhouse import SqlTarget
from boards.panels import Unit, bars, listing
from boards.queries.conditions import COSTS, FILTER_VARIABLES, MONEY, cost_by, cost_over_time

__all__ = ["USERS"]

_SERVICES = SqlTarget(
    sql=f"""
SELECT user_id AS "User", service AS "Service", {MONEY} AS "Cost", count() AS "Operations"
{COSTS}
GROUP BY "User", "Service"
ORDER BY "Cost" DESC, "User", "Service"
LIMIT 100
"""
)
_EXECUTIONS = SqlTarget(
    sql="""
SELECT
    started_at AS "Started", execution_id AS "Execution", user_id AS "User", task_type AS "Task", status AS "Status",
    toFloat64(total_cost) AS "Cost", ai_calls_count AS "AI calls"
FROM task_executions
WHERE $__timeFilter(started_at)
    AND ('*' = ${user:sqlstring} OR user_id = ${user:sqlstring})
    AND ('*' = ${task_type:sqlstring} OR task_type = ${task_type:sqlstring})
ORDER BY total_cost DESC, started_at
LIMIT 100
"""
)

USERS = Board(
    name="users",
    title="Users (SQL)",
    about="What each user costs, by SQL over cost_records and task_executions.",
    tag=SQL_TAG,
    page="/users",
    variables=FILTER_VARIABLES,
    panels=(
        bars(
            "Cost over time by user",
            cost_over_time("user_id"),
            Unit.MONEY,
            "${__field.labels.group}",
            "An empty name: records that name no user.",
        ),
        listing(
            "Cost by user",
            cost_by("user_id", limit=200),
            {"Group": None, "Cost": Unit.MONEY, "Operations": Unit.COUNT, "Unpriced": Unit.COUNT},
            "An empty name: records that name no user.",
            {"Group": "${spanledger:raw}/users/${__value.raw}"},
        ),
        listing(
            "Cost by user and service",
            _SERVICES,
            {"User": None, "Service": None, "Cost": Unit.MONEY, "Operations": Unit.COUNT},
            "The hundred most expensive pairs.",
        ),
        listing(
            "Most expensive executions",
            _EXECUTIONS,
            {
                "Started": None,
                "Execution": None,
                "User": None,
                "Task": None,
                "Status": None,
                "Cost": Unit.MONEY,
                "AI calls": Unit.COUNT,
            },
            "What an execution cost is all it paid for, inside the range or not.",
            {"Execution": "${spanledger:raw}/executions/${__value.raw}"},
        ),
    ),
)

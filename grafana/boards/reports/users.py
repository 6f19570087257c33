"""Who costs what."""

from __future__ import annotations

from boards.board import API_TAG, Board
from boards.infinity import Column, Kind, ReportTarget
from boards.panels import Unit, bars, listing, number
from boards.reports.targets import EVERY_FILTER, cost_over_time, cost_table, filters, whole_cost
from boards.variables import timezone, value_filter

__all__ = ["USERS"]

_EXECUTIONS = ReportTarget(
    path="/api/executions",
    columns=(
        Column("started_at", "Started", Kind.TIME),
        Column("execution_id", "Execution", Kind.TEXT),
        Column("user_id", "User", Kind.TEXT),
        Column("task_type", "Task", Kind.TEXT),
        Column("status", "Status", Kind.TEXT),
        Column("total_cost", "Cost"),
        Column("duration", "Duration"),
    ),
    parameters={**filters("user", "task_type"), "sort": "cost", "limit": "100"},
)
_UNITS = ReportTarget(
    path="/api/analytics/cost/unit-economics",
    columns=(
        Column("unit", "Unit", Kind.TEXT),
        Column("label", "Of", Kind.TEXT),
        Column("unit_cost", "Cost of one"),
        Column("units", "Units"),
    ),
    parameters=EVERY_FILTER,
)
_SERVICES = ReportTarget(
    path="/api/analytics/cost/breakdown",
    columns=(
        Column("user", "User", Kind.TEXT),
        Column("service", "Service", Kind.TEXT),
        Column("total_cost", "Cost"),
        Column("operations_count", "Operations"),
    ),
    parameters={**EVERY_FILTER, "groupBy": "user,service", "topN": "100", "other": "false"},
)

USERS = Board(
    name="users",
    title="Users",
    about="What each user costs, over time and by service, and which executions it was.",
    tag=API_TAG,
    page="/users",
    variables=(*(value_filter(name) for name in ("user", "service", "task_type", "prompt")), timezone()),
    panels=(
        number("Cost", whole_cost(), "Cost", Unit.MONEY, "Exact sum of what started in the range."),
        number("Change", whole_cost(), "Change", Unit.MONEY, "Against the equally long time before the range."),
        bars(
            "Cost over time by user",
            cost_over_time("user"),
            Unit.MONEY,
            "${__field.labels.group}",
            "The nine most expensive users of the range, the rest as one.",
        ),
        listing(
            "Cost by user",
            cost_table("user", top=200),
            {
                "Group": None,
                "Cost": Unit.MONEY,
                "Share": Unit.SHARE,
                "Operations": Unit.COUNT,
                "Unpriced": Unit.COUNT,
            },
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
                "Duration": Unit.DURATION,
            },
            "What an execution cost is all it paid for, inside the range or not.",
            {"Execution": "${spanledger:raw}/executions/${__value.raw}"},
        ),
        listing(
            "Cost of one unit",
            _UNITS,
            {"Unit": None, "Of": None, "Cost of one": Unit.MONEY, "Units": Unit.COUNT},
            "One execution, user, minute, thousand tokens or GB.",
        ),
    ),
)

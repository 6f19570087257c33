"""What is spent, on what, and where it is heading."""

from __future__ import annotations

from boards.board import API_TAG, Board
from boards.infinity import Column, Kind, ReportTarget
from boards.panels import Unit, bars, listing, number
from boards.reports.targets import EVERY_FILTER, cost_over_time, cost_table, filters, whole_cost
from boards.variables import grouping, timezone, value_filter

__all__ = ["COST"]

_FORECAST = ReportTarget(
    path="/api/analytics/cost/forecast",
    columns=(Column("month_to_date", "Month to date"), Column("forecast", "Forecast"), Column("high", "High")),
    parameters=filters("user", "service", "task_type"),
    ranged=False,
)
_MOVERS = ReportTarget(
    path="/api/analytics/cost/movers",
    columns=(
        Column("name", "Group", Kind.TEXT),
        Column("state", "State", Kind.TEXT),
        Column("previous_cost", "Before"),
        Column("current_cost", "Now"),
        Column("change", "Change"),
    ),
    parameters={**EVERY_FILTER, "groupBy": "${group:raw}", "limit": "50"},
)
_OPERATIONS = ReportTarget(
    path="/api/analytics/cost/operations",
    columns=(
        Column("started_at", "Started", Kind.TIME),
        Column("operation", "Operation", Kind.TEXT),
        Column("user_id", "User", Kind.TEXT),
        Column("execution_id", "Execution", Kind.TEXT),
        Column("total_cost", "Cost"),
    ),
    parameters={**EVERY_FILTER, "limit": "50"},
)
_UNITS = ReportTarget(
    path="/api/analytics/cost/unit-economics",
    columns=(
        Column("unit", "Unit", Kind.TEXT),
        Column("label", "Of", Kind.TEXT),
        Column("unit_cost", "Cost of one"),
        Column("units", "Units"),
        Column("total_cost", "Cost"),
    ),
    parameters=EVERY_FILTER,
)
_FAILURES = ReportTarget(
    path="/api/analytics/cost/failures",
    columns=(
        Column("scope", "Scope", Kind.TEXT),
        Column("error_type", "Error", Kind.TEXT),
        Column("failures_count", "Failures"),
        Column("total_cost", "Cost"),
        Column("share", "Share"),
    ),
    parameters=EVERY_FILTER,
)

COST = Board(
    name="cost",
    title="Cost",
    about="What AI and media workloads cost: in total, over time, by any dimension, and per unit of business.",
    tag=API_TAG,
    page="/",
    variables=(
        grouping("service", "user", "model", "task_type", "step", "prompt", "operation", "source", "status"),
        *(value_filter(name) for name in ("user", "service", "task_type", "prompt")),
        timezone(),
    ),
    panels=(
        number("Cost", whole_cost(), "Cost", Unit.MONEY, "Exact sum of what started in the range."),
        number("Change", whole_cost(), "Change", Unit.MONEY, "Against the equally long time before the range."),
        number(
            "Change, %", whole_cost(), "Percent", Unit.PERCENT, "The same in percent; none where nothing was spent."
        ),
        number("Month to date", _FORECAST, "Month to date", Unit.MONEY, "The current month, whatever the range is."),
        number("Forecast", _FORECAST, "Forecast", Unit.MONEY, "The month's whole cost, if days go on as they went."),
        number("Forecast, high", _FORECAST, "High", Unit.MONEY, "Upper end of the range that holds 80 % of cases."),
        bars(
            "Cost over time by ${group}",
            cost_over_time("${group:raw}"),
            Unit.MONEY,
            "${__field.labels.group}",
            "The nine most expensive groups of the range, the rest as one.",
        ),
        listing(
            "Cost by ${group}",
            cost_table("${group:raw}"),
            {
                "Group": None,
                "Cost": Unit.MONEY,
                "Share": Unit.SHARE,
                "Operations": Unit.COUNT,
                "Unpriced": Unit.COUNT,
            },
            "An empty name: records that name none.",
        ),
        listing(
            "What changed by ${group}",
            _MOVERS,
            {"Group": None, "State": None, "Before": Unit.MONEY, "Now": Unit.MONEY, "Change": Unit.MONEY},
            "The largest changes against the equally long time before the range.",
        ),
        listing(
            "Most expensive operations",
            _OPERATIONS,
            {"Started": None, "Operation": None, "User": None, "Execution": None, "Cost": Unit.MONEY},
            "Single operations; the execution leads to its spans.",
            {
                "Execution": "${spanledger:raw}/executions/${__value.raw}",
                "User": "${spanledger:raw}/users/${__value.raw}",
            },
        ),
        listing(
            "Cost of one unit",
            _UNITS,
            {"Unit": None, "Of": None, "Cost of one": Unit.MONEY, "Units": Unit.COUNT, "Cost": Unit.MONEY},
            "One execution, user, minute, thousand tokens or GB.",
        ),
        listing(
            "Cost of failures",
            _FAILURES,
            {"Scope": None, "Error": None, "Failures": Unit.COUNT, "Cost": Unit.MONEY, "Share": Unit.SHARE},
            "Calls and executions overlap: add up one scope only.",
        ),
    ),
)

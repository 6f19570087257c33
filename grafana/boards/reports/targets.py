"""The reports that several boards ask for."""

from __future__ import annotations

from typing import Final

from boards.infinity import Column, Kind, ReportTarget, Shape
from boards.variables import FILTERS, TIMEZONE

__all__ = ["EVERY_FILTER", "cost_over_time", "cost_table", "filters", "whole_cost"]

_STEPS: Final = "$__customInterval(2d,hour,93d,day,week)"
"""Hours of two days, days of three months, else weeks."""


def filters(*names: str) -> dict[str, str]:
    """The parameters of the chosen filters, and the calendar."""
    chosen = dict(TIMEZONE)
    for name in names:
        chosen |= FILTERS[name]
    return chosen


EVERY_FILTER: Final = filters("user", "service", "task_type", "prompt")
"""What a report takes that can be narrowed by everything a record says."""


def cost_over_time(group: str, measure: str = "total_cost", top: int = 9) -> ReportTarget:
    """A series for each of the most expensive groups, the rest as one."""
    return ReportTarget(
        path="/api/analytics/cost/breakdown",
        columns=(
            Column("time", "Time", Kind.TIME),
            Column("name", "group", Kind.TEXT),
            Column(measure, "value"),
        ),
        parameters={
            **EVERY_FILTER,
            "groupBy": group,
            "interval": _STEPS,
            "topN": str(top),
            "flat": "true",
            "limit": "10000",
        },
        shape=Shape.SERIES,
    )


def cost_table(group: str, top: int = 50) -> ReportTarget:
    """The most expensive groups of the whole range."""
    return ReportTarget(
        path="/api/analytics/cost/breakdown",
        columns=(
            Column("name", "Group", Kind.TEXT),
            Column("total_cost", "Cost"),
            Column("share", "Share"),
            Column("operations_count", "Operations"),
            Column("unpriced_count", "Unpriced"),
        ),
        parameters={**EVERY_FILTER, "groupBy": group, "topN": str(top), "flat": "true"},
    )


def whole_cost() -> ReportTarget:
    """What the range cost, against the equally long time before it."""
    return ReportTarget(
        path="/api/analytics/cost/movers",
        columns=(Column("current_cost", "Cost"), Column("change", "Change"), Column("change_percent", "Percent")),
        parameters=EVERY_FILTER,
    )

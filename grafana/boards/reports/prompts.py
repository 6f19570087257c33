"""Which prompt and which model is expensive or slow."""

from __future__ import annotations

from boards.board import API_TAG, Board
from boards.infinity import Column, Kind, ReportTarget
from boards.panels import Unit, bars, listing
from boards.reports.targets import EVERY_FILTER, cost_over_time, cost_table, filters
from boards.variables import timezone, value_filter

__all__ = ["PROMPTS"]

_PROMPTS = ReportTarget(
    path="/api/analytics/cost/prompts",
    columns=(
        Column("operation", "Prompt", Kind.TEXT),
        Column("total_cost", "Cost"),
        Column("avg_cost", "Cost of a call"),
        Column("avg_duration", "Duration of a call"),
        Column("calls_count", "Calls"),
    ),
    parameters=filters("user", "task_type"),
)
_USAGE = ReportTarget(
    path="/api/analytics/usage",
    columns=(
        Column("meter", "Meter", Kind.TEXT),
        Column("quantity", "Quantity"),
        Column("operations_count", "Operations"),
    ),
    parameters=EVERY_FILTER,
)

PROMPTS = Board(
    name="prompts",
    title="Prompts",
    about="What each prompt and each model costs, in total and a call, and how much they use.",
    tag=API_TAG,
    page="/prompts",
    variables=(*(value_filter(name) for name in ("user", "service", "task_type", "prompt")), timezone()),
    panels=(
        bars(
            "Cost over time by prompt",
            cost_over_time("prompt"),
            Unit.MONEY,
            "${__field.labels.group}",
            "The nine most expensive prompts of the range, the rest as one.",
        ),
        bars(
            "Calls over time by model",
            cost_over_time("model", "operations_count"),
            Unit.COUNT,
            "${__field.labels.group}",
            "Of the nine most expensive models of the range, the rest as one.",
        ),
        listing(
            "Prompts",
            _PROMPTS,
            {
                "Prompt": None,
                "Cost": Unit.MONEY,
                "Cost of a call": Unit.MONEY,
                "Duration of a call": Unit.DURATION,
                "Calls": Unit.COUNT,
            },
            "Model, category and name of the prompt.",
        ),
        listing(
            "Models",
            cost_table("model"),
            {
                "Group": None,
                "Cost": Unit.MONEY,
                "Share": Unit.SHARE,
                "Operations": Unit.COUNT,
                "Unpriced": Unit.COUNT,
            },
            "An empty name: records without a model.",
        ),
        listing(
            "Usage",
            _USAGE,
            {"Meter": None, "Quantity": Unit.COUNT, "Operations": Unit.COUNT},
            "Tokens, minutes, GB and requests.",
        ),
        listing(
            "Prompts by category and name",
            cost_table("prompt"),
            {
                "Group": None,
                "Cost": Unit.MONEY,
                "Share": Unit.SHARE,
                "Operations": Unit.COUNT,
                "Unpriced": Unit.COUNT,
            },
            "Whatever the model was.",
            {"Group": "${spanledger:raw}/prompts/${__value.raw}"},
        ),
    ),
)

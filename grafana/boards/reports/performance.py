"""Which step is slow, and what its time costs."""

from __future__ import annotations

from boards.board import API_TAG, Board
from boards.infinity import Column, Kind, ReportTarget, Shape
from boards.panels import Unit, lines, listing
from boards.reports.targets import filters
from boards.variables import timezone, value_filter

__all__ = ["PERFORMANCE"]

_LATENCY = "/api/analytics/performance/latency"
_OF_RUNS = filters("user", "task_type")


def _over_time(by: str, names: tuple[Column, ...], measure: str) -> ReportTarget:
    return ReportTarget(
        path=_LATENCY,
        columns=(Column("time", "Time", Kind.TIME), *names, Column(measure, "value")),
        parameters={
            **_OF_RUNS,
            "by": by,
            "interval": "$__customInterval(2d,hour,93d,day,week)",
            "limit": "10000",
        },
        shape=Shape.SERIES,
    )


_STEP_NAMES = (Column("task_type", "task", Kind.TEXT), Column("step_name", "step", Kind.TEXT))
_STEPS = ReportTarget(
    path=_LATENCY,
    columns=(
        Column("task_type", "Task", Kind.TEXT),
        Column("step_name", "Step", Kind.TEXT),
        Column("avg_duration", "Mean"),
        Column("p50_duration", "Median"),
        Column("p95_duration", "95 %"),
        Column("p99_duration", "99 %"),
        Column("count", "Runs"),
        Column("failed_count", "Failed"),
    ),
    parameters={**_OF_RUNS, "by": "step"},
)
_BOTTLENECK = ReportTarget(
    path="/api/analytics/performance/bottleneck",
    columns=(
        Column("step_name", "Step", Kind.TEXT),
        Column("avg_duration", "Mean"),
        Column("p95_duration", "95 %"),
        Column("max_duration", "Longest"),
        Column("count", "Runs"),
    ),
    parameters=_OF_RUNS,
)
_CRITICAL = ReportTarget(
    path="/api/analytics/performance/critical-path",
    columns=(
        Column("task_type", "Task", Kind.TEXT),
        Column("step_name", "Step", Kind.TEXT),
        Column("share", "Share"),
        Column("alone_share", "Alone"),
        Column("avg_duration", "Mean"),
    ),
    parameters=_OF_RUNS,
)
_COST = ReportTarget(
    path="/api/analytics/performance/cost-latency",
    columns=(
        Column("task_type", "Task", Kind.TEXT),
        Column("step_name", "Step", Kind.TEXT),
        Column("avg_cost", "Cost of a run"),
        Column("cost_per_second", "Cost of a second"),
        Column("p95_duration", "95 %"),
        Column("total_cost", "Cost"),
    ),
    parameters=_OF_RUNS,
)

PERFORMANCE = Board(
    name="performance",
    title="Performance",
    about="How long steps and paid services take, which step is the bottleneck, and what its time costs.",
    tag=API_TAG,
    page="/tasks",
    variables=(value_filter("user"), value_filter("task_type"), timezone()),
    panels=(
        lines(
            "95th percentile of each step",
            _over_time("step", _STEP_NAMES, "p95_duration"),
            Unit.DURATION,
            "${__field.labels.task} / ${__field.labels.step}",
            "The shortest duration that 95 % of the runs did not exceed.",
        ),
        lines(
            "95th percentile of each paid service",
            _over_time("service", (Column("service", "service", Kind.TEXT),), "p95_duration"),
            Unit.DURATION,
            "${__field.labels.service}",
            "Of the calls that were paid for.",
        ),
        lines(
            "Failed runs of each step",
            _over_time("step", _STEP_NAMES, "failed_count"),
            Unit.COUNT,
            "${__field.labels.task} / ${__field.labels.step}",
            "Runs that ended with an error.",
        ),
        listing(
            "Steps",
            _STEPS,
            {
                "Task": None,
                "Step": None,
                "Mean": Unit.DURATION,
                "Median": Unit.DURATION,
                "95 %": Unit.DURATION,
                "99 %": Unit.DURATION,
                "Runs": Unit.COUNT,
                "Failed": Unit.COUNT,
            },
            "The slowest first.",
            {"Task": "${spanledger:raw}/tasks/${__value.raw}"},
        ),
        listing(
            "Bottleneck",
            _BOTTLENECK,
            {
                "Step": None,
                "Mean": Unit.DURATION,
                "95 %": Unit.DURATION,
                "Longest": Unit.DURATION,
                "Runs": Unit.COUNT,
            },
            "Steps of the chosen task type, of all where none is chosen.",
        ),
        listing(
            "Critical path",
            _CRITICAL,
            {"Task": None, "Step": None, "Share": Unit.SHARE, "Alone": Unit.SHARE, "Mean": Unit.DURATION},
            "Share of the task's time in which the step ran, and ran alone: only a faster step shortens that.",
        ),
        listing(
            "Cost and time of each step",
            _COST,
            {
                "Task": None,
                "Step": None,
                "Cost of a run": Unit.MONEY,
                "Cost of a second": Unit.MONEY,
                "95 %": Unit.DURATION,
                "Cost": Unit.MONEY,
            },
            "Steps that paid for anything.",
        ),
    ),
)

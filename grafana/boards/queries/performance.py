"""Which step is slow."""

from __future__ import annotations

from boards.board import SQL_TAG, Board
from boards.clickhouse import Result, SqlTarget
from boards.panels import Unit, lines, listing
from boards.queries.conditions import COSTS, FILTER_VARIABLES, RUNS

__all__ = ["PERFORMANCE"]

# quantileExactWeighted with weight 1 is the nearest rank, as in the API's reports.
_STEPS_OVER_TIME = SqlTarget(
    sql=f"""
SELECT
    $__timeInterval(started_at) AS time, task_type AS task, step_name AS step,
    quantileExactWeighted(0.95)(duration_ns, 1) / 1000000 AS duration
{RUNS}
GROUP BY time, task, step
ORDER BY time, task, step
""",
    result=Result.SERIES,
)
_SERVICES_OVER_TIME = SqlTarget(
    sql=f"""
SELECT
    $__timeInterval(started_at) AS time, service AS paid,
    quantileExactWeighted(0.95)(duration_ns, 1) / 1000000 AS latency
{COSTS}
GROUP BY time, paid
ORDER BY time, paid
""",
    result=Result.SERIES,
)
_STEPS = SqlTarget(
    sql=f"""
SELECT
    task_type AS "Task", step_name AS "Step", avg(duration_ns) / 1000000 AS "Mean",
    quantileExactWeighted(0.5)(duration_ns, 1) / 1000000 AS "Median",
    quantileExactWeighted(0.95)(duration_ns, 1) / 1000000 AS "95 %",
    max(duration_ns) / 1000000 AS "Longest", count() AS "Runs", countIf(status = 'failed') AS "Failed"
{RUNS}
GROUP BY "Task", "Step"
ORDER BY "Mean" DESC, "Task", "Step"
"""
)
_ERRORS = SqlTarget(
    sql=f"""
SELECT task_type AS "Task", step_name AS "Step", error AS "Error", count() AS "Runs", max(started_at) AS "Last"
{RUNS} AND status = 'failed'
GROUP BY "Task", "Step", "Error"
ORDER BY "Runs" DESC, "Task", "Step", "Error"
LIMIT 100
"""
)

PERFORMANCE = Board(
    name="performance",
    title="Performance (SQL)",
    about="How long steps and paid services take, by SQL over performance_records and cost_records.",
    tag=SQL_TAG,
    page="/tasks",
    variables=FILTER_VARIABLES,
    panels=(
        lines(
            "95th percentile of each step",
            _STEPS_OVER_TIME,
            Unit.DURATION,
            "${__field.labels.task} / ${__field.labels.step}",
            "The shortest duration that 95 % of the runs did not exceed.",
        ),
        lines(
            "95th percentile of each paid service",
            _SERVICES_OVER_TIME,
            Unit.DURATION,
            "${__field.labels.paid}",
            "Of the calls that were paid for.",
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
                "Longest": Unit.DURATION,
                "Runs": Unit.COUNT,
                "Failed": Unit.COUNT,
            },
            "The slowest first.",
        ),
        listing(
            "Errors",
            _ERRORS,
            {"Task": None, "Step": None, "Error": None, "Runs": Unit.COUNT, "Last": None},
            "What failed runs ended with.",
        ),
    ),
)

"""How long steps, services and operations take: GET /api/analytics/performance/latency."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from spanledger.exceptions import InvalidRequestError
from spanledger_api.amounts import Milliseconds, milliseconds
from spanledger_api.filters import ANY, Dimension, Where
from spanledger_api.grouping import Interval, bucket_sql, bucket_time, within_local
from spanledger_api.paging import Paged
from spanledger_api.parameters import RecordDetails, ReportFormat, TimeWindow
from spanledger_api.question import Asked, ReportRow
from spanledger_api.reply import DURATION_RESPONSES
from spanledger_api.rows import integer, text
from spanledger_api.sums import DURATIONS, Source, Sums, ask_sums
from spanledger_clickhouse.ledger import Ledger

__all__ = ["LatencyParameters", "LatencyRow", "read_latency", "router"]

router = APIRouter(tags=["performance"])

_MEASURES = ("avg_duration", "p50_duration", "p95_duration", "p99_duration", "max_duration", "count", "failed_count")


class Timed(StrEnum):
    """What is timed."""

    STEP = "step"
    SERVICE = "service"
    OPERATION = "operation"


_KEYS = {
    Timed.STEP: (Source.PERFORMANCE, ("task_type", "step_name")),
    Timed.SERVICE: (Source.COST, ("service",)),
    Timed.OPERATION: (Source.COST, ("service", "operation")),
}

_SQL = Template("""
SELECT
    $bucket AS bucket, $names, sum(sums.nanoseconds) AS nanoseconds,
    quantilesExactWeighted(0.5, 0.95, 0.99)($duration, sums.records) AS ranks,
    ranks[1] AS p50, ranks[2] AS p95, ranks[3] AS p99, max(sums.longest) AS longest, sum(sums.records) AS runs,
    sumIf(sums.records, status = 'failed') AS failed
FROM $sums AS sums
GROUP BY bucket, $names
ORDER BY $order
""")

_NOT_OF_STEPS = ("service", "operation", "model", "prompt", "source")


class LatencyRow(BaseModel):
    """How long one step, service or operation took in one stretch of time; only its own names are there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task_type": "video_generation",
                    "step_name": "render_video",
                    "avg_duration": 45000,
                    "p50_duration": 41000,
                    "p95_duration": 78000,
                    "p99_duration": 104000,
                    "max_duration": 120000,
                    "count": 123,
                    "failed_count": 2,
                }
            ]
        }
    )

    time: str | None = Field(None, description="First instant of the stretch; absent without `interval`.")
    task_type: str | None = Field(None, description="With `by=step`: the kind of task.")
    step_name: str | None = Field(None, description="With `by=step`: the step.")
    service: str | None = Field(None, description="With `by=service` and `by=operation`: the paid service.")
    operation: str | None = Field(None, description="With `by=operation`: the operation.")
    avg_duration: Milliseconds = Field(description="Mean duration in milliseconds.")
    p50_duration: Milliseconds = Field(description="Median (nearest rank).")
    p95_duration: Milliseconds = Field(description="The shortest that 95 % of the runs did not exceed (nearest rank).")
    p99_duration: Milliseconds = Field(description="The shortest that 99 % of the runs did not exceed (nearest rank).")
    max_duration: Milliseconds = Field(description="Longest duration.")
    count: int = Field(description="Number of runs, failed ones included.")
    failed_count: int = Field(description="How many of them failed.")


class LatencyParameters(RecordDetails, TimeWindow, Paged, frozen=True):
    """Parameters of the report on latency."""

    by: Timed = Field(Timed.STEP, description="What is timed: steps of tasks, paid services or their operations.")
    interval: Interval = Field(Interval.NONE, description="What one point covers; `none` gives totals.")
    task_type: str | None = Field(None, alias="taskType", description="This task type only; empty: records without.")
    user_id: str | None = Field(None, alias="userId", description="This user only; empty: records without a user.")
    service: str | None = Field(
        None,
        description="This service only; empty: records without. Steps have none: `service`, `operation`, `model`, "
        "`prompt` and `source` are for `by=service` and `by=operation`.",
    )
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the rows."""
        times = () if self.interval is Interval.NONE else ("time",)
        return (*times, *_KEYS[self.by][1], *_MEASURES)

    def where(self, now: datetime) -> Where:
        """The conditions on the records to read.

        Raises:
            InvalidRequestError: The window would be empty, or runs of steps do not say what they are to be narrowed by.
        """
        found = super().where(now)
        found = found.equal(Dimension.TASK_TYPE, self.task_type).equal(Dimension.USER_ID, self.user_id)
        if self.by is Timed.STEP:
            for name in _NOT_OF_STEPS:
                if getattr(self, name) not in {None, ANY}:
                    message = "steps cannot be narrowed by it; take by=service or by=operation"
                    raise InvalidRequestError(message, parameter=name)
        return self.narrowed(found.equal(Dimension.SERVICE, self.service))


def read_latency(ledger: Ledger, where: Where, parameters: LatencyParameters) -> list[ReportRow]:
    """Rows by time and name, or in total by descending mean; errors as of ``rows.ask``."""
    source, keys = _KEYS[parameters.by]
    series = parameters.interval is not Interval.NONE
    names = ", ".join(keys)
    order = f"bucket, {names}" if series else f"nanoseconds / runs DESC, {names}"
    sums = Sums((*keys, "status"), DURATIONS, source)
    if series:
        sums = replace(sums, is_whole=within_local(parameters.interval, parameters.zone))
    sql = Template(_SQL.safe_substitute(bucket=bucket_sql(parameters.interval), names=names, order=order))
    bound: dict[str, object] = {"timezone": parameters.timezone} if series else {}
    return [
        {
            **({"time": bucket_time(row, "bucket", parameters.zone)} if series else {}),
            **{key: text(row, key) for key in keys},
            "avg_duration": milliseconds(integer(row, "nanoseconds"), integer(row, "runs")),
            "p50_duration": milliseconds(integer(row, "p50")),
            "p95_duration": milliseconds(integer(row, "p95")),
            "p99_duration": milliseconds(integer(row, "p99")),
            "max_duration": milliseconds(integer(row, "longest")),
            "count": integer(row, "runs"),
            "failed_count": integer(row, "failed"),
        }
        for row in ask_sums(ledger, sql, where, sums, parameters.page, **bound)
    ]


@router.get(
    "/api/analytics/performance/latency",
    summary="Latency of steps and services",
    response_model=list[LatencyRow],
    response_model_exclude_unset=True,
    responses=DURATION_RESPONSES,
)
def latency(question: Asked, parameters: Annotated[LatencyParameters, Query()]) -> Response:
    """Mean, median, 95th and 99th percentile and maximum: in total, the slowest first, or as a series by time.

    Percentiles of steps over closed time are within 1 % of a measured duration; every other figure is exact.
    """
    where = parameters.where(question.now)
    return question.durations(parameters.columns, parameters, lambda: read_latency(question.ledger, where, parameters))

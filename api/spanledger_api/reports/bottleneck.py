"""Which step of a task is slow: GET /api/analytics/performance/bottleneck."""

from datetime import datetime
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Milliseconds, milliseconds
from spanledger_api.filters import Dimension, Where
from spanledger_api.paging import Paged
from spanledger_api.parameters import ReportFormat, TimeWindow
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import DURATION_RESPONSES
from spanledger_api.rows import integer, text
from spanledger_api.sums import DURATIONS, Source, Sums, ask_sums
from spanledger_api.window import Period
from spanledger_clickhouse.ledger import Ledger

__all__ = ["BottleneckParameters", "StepDuration", "read_bottleneck", "router"]

router = APIRouter(tags=["performance"])

# quantileExactWeighted with weight 1 is the nearest rank: the smallest duration that at least 95 % of the runs did not
# exceed. quantileExact takes the next one whenever 95 % is a whole number of runs.
_SQL = Template("""
SELECT
    step_name,
    sum(sums.nanoseconds) AS nanoseconds,
    quantileExactWeighted(0.95)($duration, sums.records) AS p95,
    max(sums.longest) AS longest,
    sum(sums.records) AS runs
FROM $sums AS sums
GROUP BY step_name
""")
_SUMS = Sums(("step_name",), DURATIONS, Source.PERFORMANCE)


class StepDuration(BaseModel):
    """How long one step took."""

    step_name: str = Field(description="The step.", examples=["render_video"])
    avg_duration: Milliseconds = Field(description="Mean duration in milliseconds.", examples=[45000])
    p95_duration: Milliseconds = Field(
        description=(
            "The shortest duration that at least 95 % of the runs did not exceed (nearest rank): a measured one where"
            " the records are read, within 1 % of it over time that is closed and summed up. Mean, maximum and count"
            " are always exact."
        )
    )
    max_duration: Milliseconds = Field(description="Longest duration in milliseconds.", examples=[120_000])
    count: int = Field(description="Number of runs, failed ones included.", examples=[123])


class BottleneckParameters(TimeWindow, Paged, frozen=True):
    """Parameters of the report on slow steps."""

    task_type: str = Field(alias="taskType", description="The kind of task.", examples=["video_generation"])
    period: Period = Field(
        Period.WEEKLY,
        description="The current calendar period in `timezone`, from its first instant; weeks start Monday.",
    )
    user_id: str | None = Field(None, alias="userId", description="This user only; empty: runs without a user.")
    execution_id: str | None = Field(None, alias="executionId", description="This task execution only.")
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")

    def where(self, now: datetime) -> Where:
        """The conditions on the performance records to read; raises as the base does."""
        return (
            super()
            .where(now)
            .equal(Dimension.TASK_TYPE, self.task_type)
            .equal(Dimension.USER_ID, self.user_id)
            .equal(Dimension.EXECUTION_ID, self.execution_id)
        )


def read_bottleneck(ledger: Ledger, where: Where) -> list[StepDuration]:
    """Steps by descending mean duration, ties by name; raises as :func:`spanledger_api.rows.ask`."""
    rows = [
        StepDuration(
            step_name=text(row, "step_name"),
            avg_duration=milliseconds(integer(row, "nanoseconds"), integer(row, "runs")),
            p95_duration=milliseconds(integer(row, "p95")),
            max_duration=milliseconds(integer(row, "longest")),
            count=integer(row, "runs"),
        )
        for row in ask_sums(ledger, _SQL, where, _SUMS)
    ]
    return sorted(rows, key=lambda row: (-row.avg_duration, row.step_name))


@router.get(
    "/api/analytics/performance/bottleneck",
    summary="Slow steps of a task",
    response_model=list[StepDuration],
    responses=DURATION_RESPONSES,
)
def bottleneck(question: Asked, parameters: Annotated[BottleneckParameters, Query()]) -> Response:
    """The steps of one kind of task by descending mean duration: which one is the bottleneck.

    A kind of task that has no runs in the period gives an empty list. The 95th percentile over closed time is within
    1 % of a measured duration; every other figure is exact.
    """
    where = parameters.where(question.now)
    return question.durations(
        columns_of(StepDuration), parameters, lambda: parameters.page.cut(read_bottleneck(question.ledger, where))
    )

"""Which step a task waits for: GET /api/analytics/performance/critical-path."""

from datetime import datetime
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, Milliseconds, milliseconds, share
from spanledger_api.filters import Dimension, Where
from spanledger_api.paging import Page, Paged
from spanledger_api.parameters import ReportFormat, TimeWindow
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import DURATION_RESPONSES
from spanledger_api.rows import ask, integer, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["CriticalPathParameters", "StepShare", "read_critical_path", "router"]

router = APIRouter(tags=["performance"])

# Runs of a step may overlap, so their intervals are united before they are added up. A step is alone for as long as all
# steps together take longer than the others do.
_SQL = Template("""
WITH
    (starts, ends) -> if(empty(starts), 0, arrayReduce('intervalLengthSum', starts, ends)) AS united
SELECT
    task_type, step_name, count() AS executions, sum(toInt128(wall)) AS wall_ns, sum(toInt128(covered)) AS covered_ns,
    sum(toInt128(alone)) AS alone_ns
FROM
(
    SELECT
        task_type,
        wall,
        arrayJoin(arrayDistinct(steps)) AS step_name,
        arrayMap(x -> x = step_name, steps) AS own,
        arrayMap(x -> x != step_name, steps) AS others,
        united(arrayFilter((x, y) -> y, begins, own), arrayFilter((x, y) -> y, ends, own)) AS covered,
        united(begins, ends) - united(arrayFilter((x, y) -> y, begins, others), arrayFilter((x, y) -> y, ends, others))
            AS alone
    FROM
    (
        SELECT
            task_type,
            execution_id,
            groupArray(step_name) AS steps,
            groupArray(toInt64(toUnixTimestamp64Nano(started_at))) AS begins,
            groupArray(
                toInt64(least(toInt128(toUnixTimestamp64Nano(started_at)) + duration_ns, 9223372036854775807))
            ) AS ends,
            arrayMax(ends) - arrayMin(begins) AS wall
        FROM performance_records
        WHERE execution_id != '' AND $where
        GROUP BY task_type, execution_id
    )
)
GROUP BY task_type, step_name
ORDER BY covered_ns / wall_ns DESC, task_type, step_name
""")


class StepShare(BaseModel):
    """How much of a task's time one step takes."""

    task_type: str = Field(description="The kind of task.", examples=["video_generation"])
    step_name: str = Field(description="The step.", examples=["render_video"])
    share: Amount = Field(description="Share (0 to 1) of the tasks' wall time in which the step ran.")
    alone_share: Amount = Field(
        description="Share (0 to 1) of the wall time in which no other step ran: only a faster step shortens that."
    )
    avg_duration: Milliseconds = Field(description="Mean time a task spends in the step; overlapping runs count once.")
    avg_wall_duration: Milliseconds = Field(description="Mean wall time of these tasks, first step to last.")
    executions_count: int = Field(description="Number of executions that ran the step.")


class CriticalPathParameters(TimeWindow, Paged, frozen=True):
    """Parameters of the report on the critical path."""

    task_type: str | None = Field(None, alias="taskType", description="This task type only; empty: records without.")
    user_id: str | None = Field(None, alias="userId", description="This user only; empty: runs without a user.")
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")

    def where(self, now: datetime) -> Where:
        """The conditions on the performance records to read; raises as the base does."""
        found = super().where(now)
        return found.equal(Dimension.TASK_TYPE, self.task_type).equal(Dimension.USER_ID, self.user_id)


def read_critical_path(ledger: Ledger, where: Where, page: Page) -> list[StepShare]:
    """Steps by descending share of their task's time; errors as of ``rows.ask``."""
    return [
        StepShare(
            task_type=text(row, "task_type"),
            step_name=text(row, "step_name"),
            share=share(integer(row, "covered_ns"), integer(row, "wall_ns")),
            alone_share=share(integer(row, "alone_ns"), integer(row, "wall_ns")),
            avg_duration=milliseconds(integer(row, "covered_ns"), integer(row, "executions")),
            avg_wall_duration=milliseconds(integer(row, "wall_ns"), integer(row, "executions")),
            executions_count=integer(row, "executions"),
        )
        for row in ask(ledger, _SQL, where, page)
    ]


@router.get(
    "/api/analytics/performance/critical-path",
    summary="Share of each step in its task's time",
    response_model=list[StepShare],
    responses=DURATION_RESPONSES,
)
def critical_path(question: Asked, parameters: Annotated[CriticalPathParameters, Query()]) -> Response:
    """How much of a task's wall time each step covers, and how much of it alone.

    The wall time of an execution runs from the start of its first step to the end of its last one in the window. Steps
    inside other steps overlap them, so shares may add up to more than 1.
    """
    where = parameters.where(question.now)
    return question.durations(
        columns_of(StepShare), parameters, lambda: read_critical_path(question.ledger, where, parameters.page)
    )

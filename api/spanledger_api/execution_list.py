"""Task executions by cost or time: GET /api/executions."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, Milliseconds, milliseconds
from spanledger_api.chosen_executions import ChosenExecutions
from spanledger_api.execution_pages import ExecutionPages
from spanledger_api.filters import ANY, Dimension, Where
from spanledger_api.paging import Paged
from spanledger_api.parameters import ReportFormat, TimeWindow
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import DURATION_RESPONSES
from spanledger_api.rows import Row, amount, integer, text
from spanledger_api.times import format_rfc3339
from spanledger_clickhouse.ledger import Ledger

__all__ = ["ExecutionStatus", "ExecutionSummary", "ExecutionsParameters", "read_executions", "router"]

router = APIRouter(tags=["executions"])

# Costs are looked for from a week before the window on: clocks of several machines differ by less than that, and the
# ledger is read no further back than the window needs.
_WEEK_NS = 7 * 86_400 * 1_000_000_000


class ExecutionStatus(StrEnum):
    """Where an execution stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Sorting(StrEnum):
    """What a list of executions is in order of, the highest first."""

    STARTED = "started"
    COST = "cost"
    DURATION = "duration"


class ExecutionSummary(BaseModel):
    """One task execution without its records."""

    execution_id: str
    user_id: str | None = Field(description="Null where it names none.")
    task_type: str | None = Field(description="Null where it names none.")
    status: ExecutionStatus = Field(
        description="`failed` if any of its parts failed, `running` while any runs.", examples=["completed"]
    )
    total_cost: Amount = Field(description="Exact sum of its records in USD.")
    ai_calls_count: int = Field(description="Number of its records of `openai`, `google_video_ai` and `whisper`.")
    operations_count: int = Field(description="Number of its records.")
    error_message: str | None = Field(description="Null where nothing was said.")
    started_at: str = Field(description="RFC 3339.")
    completed_at: str | None = Field(description="RFC 3339; null while it runs.")
    duration: Milliseconds | None = Field(description="Milliseconds from start to end; null while it runs.")


class ExecutionsParameters(TimeWindow, Paged, frozen=True):
    """Parameters of the list of executions."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most; `Link` names the next page, if any.")
    status: ExecutionStatus | None = Field(None, description="Those in this state only.")
    user_id: str | None = Field(None, alias="userId", description="This user's only; empty: those without a user.")
    task_type: str | None = Field(None, alias="taskType", description="This task type only; empty: those without.")
    service: str | None = Field(None, description="Those that paid this service only.", examples=["openai"])
    operation: str | None = Field(None, description="Those with a record of this operation only.")
    model: str | None = Field(None, description="Those with a record of this model only.", examples=["gpt-4"])
    step: str | None = Field(None, description="Those that paid for something in this step only.")
    prompt: str | None = Field(
        None, description="Those with a record of this prompt only, as `category/name`.", examples=["video/title"]
    )
    source: str | None = Field(None, description="Those with an amount of this source only, e.g. `unpriced`.")
    sort: Sorting = Field(Sorting.STARTED, description="What they are in order of, the highest first.")
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")

    def pages(self, ledger: Ledger, now: datetime) -> ExecutionPages:
        """The executions that are asked for; raises as ``window`` does."""
        window = self.window(now)
        whole = ["started_ns >= {window_start:Int64}"]
        of_root: list[str] = []
        bound: dict[str, object] = {}
        if window.end is not None:
            whole.append("started_ns < {window_end:Int64}")
        for name, column, of_whole, value in (
            ("of_status", "status", "state", self.status),
            ("of_user", "user_id", "user", self.user_id),
            ("of_task", "task_type", "task", self.task_type),
        ):
            if value is not None and value != ANY:
                whole.append(f"{of_whole} = {{{name}:String}}")
                of_root.append(f"{column} = {{{name}:String}}")
                bound[name] = str(value)
        paid = self._paid()
        return ExecutionPages(
            ChosenExecutions(
                ledger,
                Where.within(window),
                whole=" AND ".join(whole),
                of_root=tuple(of_root),
                bound={**bound, **paid.parameters},
                costs_from=max(0, window.start - _WEEK_NS),
                paid=paid.sql,
            )
        )

    def _paid(self) -> Where:
        """The conditions on the one cost record, at least, that an execution must have."""
        return (
            Where(())
            .equal(Dimension.SERVICE, self.service)
            .equal(Dimension.OPERATION, self.operation)
            .equal(Dimension.MODEL, self.model)
            .equal(Dimension.STEP, self.step)
            .equal(Dimension.PROMPT, self.prompt)
            .equal(Dimension.SOURCE, self.source)
        )


def read_executions(ledger: Ledger, now: datetime, parameters: ExecutionsParameters) -> list[ExecutionSummary]:
    """Executions in the order that was asked for, ties by id; errors as of ``rows.ask``."""
    pages = parameters.pages(ledger, now)
    if parameters.sort is Sorting.COST:
        return [_summary(row, row) for row in pages.dearest(parameters.page)]
    read = pages.newest if parameters.sort is Sorting.STARTED else pages.longest
    rows = read(parameters.page)
    costs = pages.costs(rows)
    return [_summary(row, costs[text(row, "execution_id")]) for row in rows]


def _summary(row: Row, costs: Row) -> ExecutionSummary:
    started, running = integer(row, "started_ns"), bool(integer(row, "unfinished"))
    return ExecutionSummary(
        execution_id=text(row, "execution_id"),
        user_id=text(row, "user") or None,
        task_type=text(row, "task") or None,
        status=ExecutionStatus(text(row, "state")),
        total_cost=amount(costs, "cost"),
        ai_calls_count=integer(costs, "calls"),
        operations_count=integer(costs, "records"),
        error_message=text(row, "message") or None,
        started_at=format_rfc3339(started),
        completed_at=None if running else format_rfc3339(integer(row, "completed_ns")),
        duration=None if running else milliseconds(integer(row, "length_ns")),
    )


@router.get(
    "/api/executions",
    summary="Task executions",
    response_model=list[ExecutionSummary],
    responses=DURATION_RESPONSES,
)
def executions(question: Asked, parameters: Annotated[ExecutionsParameters, Query()]) -> Response:
    """Task executions that began in the window, by cost, start or duration.

    What an execution cost is all it paid for, inside the window or not, except what began over a week before it. An
    execution that has not arrived itself is not in the list; `/api/executions/{execution_id}` shows its records. Where
    the list is narrowed by what was paid for, one record has to say all of it; the cost is still the whole one.
    """
    return question.open_durations(
        columns_of(ExecutionSummary), parameters, lambda: read_executions(question.ledger, question.now, parameters)
    )

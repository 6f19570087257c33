"""Cost and latency of the same step: GET /api/analytics/performance/cost-latency."""

from decimal import Decimal
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, Milliseconds, average, milliseconds, share
from spanledger_api.filters import Dimension, Where
from spanledger_api.paging import Page, Paged
from spanledger_api.parameters import CostFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, ask, integer, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["CostLatencyParameters", "StepCost", "read_cost_latency", "router"]

router = APIRouter(tags=["performance"])

_SQL = Template("""
SELECT
    task_type, step_name, ifNull(runs.times, 0) AS times, ifNull(runs.total_ns, 0) AS total_ns,
    ifNull(runs.p95_ns, 0) AS p95_ns, paid.cost AS cost, paid.records AS records
FROM
(
    SELECT task_type, step_name, sum(toDecimal256(total_cost, 12)) AS cost, count() AS records
    FROM cost_records
    WHERE step_name != '' AND $where AND currency = {amounts_in:String}
    GROUP BY task_type, step_name
) AS paid
LEFT JOIN
(
    SELECT
        task_type, step_name, count() AS times, sum(toUInt128(duration_ns)) AS total_ns,
        quantileExactWeighted(0.95)(duration_ns, 1) AS p95_ns
    FROM performance_records
    WHERE $where
    GROUP BY task_type, step_name
) AS runs USING (task_type, step_name)
ORDER BY cost DESC, task_type, step_name
""")


class StepCost(BaseModel):
    """What a step costs and how long it takes."""

    task_type: str = Field(description="The kind of task.", examples=["video_generation"])
    step_name: str = Field(description="The step.", examples=["render_video"])
    total_cost: Amount = Field(description="Exact sum of what was paid for in the step.")
    avg_cost: Amount = Field(description="Cost of one run, half-even at 12 places; 0 where no run has arrived.")
    cost_per_second: Amount = Field(description="Cost by seconds of the step; 0 where no run has arrived.")
    avg_duration: Milliseconds = Field(description="Mean duration of a run in milliseconds.")
    p95_duration: Milliseconds = Field(description="The shortest that 95 % of the runs did not exceed (nearest rank).")
    count: int = Field(description="Number of runs.")
    operations_count: int = Field(description="Number of paid operations in the step.")


class CostLatencyParameters(CostFilters, Paged, frozen=True):
    """Parameters of the report on cost and latency."""


def read_cost_latency(ledger: Ledger, where: Where, currency: str, page: Page) -> list[StepCost]:
    """Steps that paid for anything by descending cost; errors as of ``rows.ask``.

    Args:
        ledger: What to read.
        where: Conditions on what cost records and performance records have in common.
        currency: The currency of the amounts.
        page: The stretch of the list.
    """
    return [
        StepCost(
            task_type=text(row, "task_type"),
            step_name=text(row, "step_name"),
            total_cost=amount(row, "cost"),
            avg_cost=average(amount(row, "cost"), integer(row, "times")),
            cost_per_second=share(amount(row, "cost"), Decimal(integer(row, "total_ns")).scaleb(-9)),
            avg_duration=milliseconds(integer(row, "total_ns"), integer(row, "times")),
            p95_duration=milliseconds(integer(row, "p95_ns")),
            count=integer(row, "times"),
            operations_count=integer(row, "records"),
        )
        for row in ask(ledger, _SQL, where, page, amounts_in=currency)
    ]


@router.get(
    "/api/analytics/performance/cost-latency",
    summary="Cost and latency of each step",
    response_model=list[StepCost],
    responses=AMOUNT_RESPONSES,
)
def cost_latency(question: Asked, parameters: Annotated[CostLatencyParameters, Query()]) -> Response:
    """Cost beside duration of every step that paid for anything, the most expensive first."""
    shared = parameters.known(Where.within(parameters.window(question.now)))
    for dimension, value in (
        (Dimension.USER_ID, parameters.user_id),
        (Dimension.TASK_TYPE, parameters.task_type),
        (Dimension.EXECUTION_ID, parameters.execution_id),
    ):
        shared = shared.equal(dimension, value)
    return question.amounts(
        columns_of(StepCost),
        parameters,
        parameters.where(question.now),
        lambda: read_cost_latency(question.ledger, shared, parameters.currency, parameters.page),
    )

"""The single operations that cost most: GET /api/analytics/cost/operations."""

from decimal import Decimal
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, Milliseconds, milliseconds
from spanledger_api.filters import Where
from spanledger_api.paging import Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, ask, integer, text
from spanledger_api.times import format_rfc3339
from spanledger_clickhouse.ledger import Ledger

__all__ = ["OperationsParameters", "PaidOperation", "read_operations", "router"]

router = APIRouter(tags=["cost"])

_SQL = Template("""
SELECT
    toString(record_id) AS record, toUnixTimestamp64Nano(started_at) AS started_ns, service, operation, model,
    user_id, execution_id, task_type, step_name, total_cost, duration_ns, status, trace_id
FROM cost_records
WHERE $where AND total_cost > toDecimal128({above:String}, 12)
ORDER BY total_cost DESC, started_ns, trace_id, span_id
""")


class PaidOperation(BaseModel):
    """One paid operation; a text is empty where its record says nothing."""

    record_id: str = Field(description="The same for the same span, however often it arrives.")
    started_at: str = Field(description="RFC 3339.")
    service: str = Field(description="Who was paid.", examples=["openai"])
    operation: str
    model: str
    user_id: str
    execution_id: str
    task_type: str
    step_name: str
    total_cost: Amount = Field(description="What it cost.")
    duration: Milliseconds = Field(description="Milliseconds that it took.")
    status: str = Field(description="`success` or `failed`.")
    trace_id: str


class OperationsParameters(DetailFilters, Paged, frozen=True):
    """Parameters of the report on single operations."""

    limit: int = Field(100, ge=1, le=10_000, description="How many at most; `Link` names the next page, if any.")
    above: Decimal = Field(
        Decimal(0),
        ge=0,
        max_digits=38,
        decimal_places=12,
        description="Only those that cost more than this, in `currency`.",
        examples=["1"],
    )


def read_operations(ledger: Ledger, where: Where, parameters: OperationsParameters) -> list[PaidOperation]:
    """Operations by descending cost, ties by start; errors as of ``rows.ask``."""
    return [
        PaidOperation(
            record_id=text(row, "record"),
            started_at=format_rfc3339(integer(row, "started_ns")),
            service=text(row, "service"),
            operation=text(row, "operation"),
            model=text(row, "model"),
            user_id=text(row, "user_id"),
            execution_id=text(row, "execution_id"),
            task_type=text(row, "task_type"),
            step_name=text(row, "step_name"),
            total_cost=amount(row, "total_cost"),
            duration=milliseconds(integer(row, "duration_ns")),
            status=text(row, "status"),
            trace_id=text(row, "trace_id"),
        )
        for row in ask(ledger, _SQL, where, parameters.page, above=format(parameters.above, "f"))
    ]


@router.get(
    "/api/analytics/cost/operations",
    summary="The most expensive single operations",
    response_model=list[PaidOperation],
    responses=AMOUNT_RESPONSES,
)
def operations(question: Asked, parameters: Annotated[OperationsParameters, Query()]) -> Response:
    """Single operations by descending cost: what a call over some amount was, and on whose behalf."""
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(PaidOperation), parameters, where, lambda: read_operations(question.ledger, where, parameters)
    )

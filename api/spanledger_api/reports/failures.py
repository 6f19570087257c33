"""What failures cost: GET /api/analytics/cost/failures."""

from decimal import Decimal
from enum import StrEnum
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, share
from spanledger_api.filters import Where
from spanledger_api.paging import Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, ask, integer, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["FailureCost", "FailuresParameters", "read_failures", "router"]

router = APIRouter(tags=["cost"])

# Errors are recorded as "Type: message". What does not begin with the name of a type stays unclassified.
_TYPE = "nullIf(extract({}, '^([A-Za-z_][A-Za-z0-9_.]*)(?::|$$)'), '')"

# An execution failed if any of its roots did; the first of their messages, by start, is the one it is known by.
_SQL = Template(f"""
WITH (SELECT sum(toDecimal256(total_cost, 12)) FROM cost_records WHERE $where) AS whole
SELECT scope, error_type, failures, cost, records, ifNull(whole, 0) AS whole_cost
FROM
(
    SELECT
        'call' AS scope, ifNull({_TYPE.format("error")}, 'unclassified') AS error_type, count() AS failures,
        sum(toDecimal256(total_cost, 12)) AS cost, count() AS records
    FROM cost_records
    WHERE status = 'failed' AND $where
    GROUP BY error_type
    UNION ALL
    SELECT
        'execution' AS scope,
        ifNull({_TYPE.format("message")}, 'unclassified') AS error_type,
        uniqExact(execution_id) AS failures,
        sum(toDecimal256(total_cost, 12)) AS cost, count() AS records
    FROM (SELECT execution_id, total_cost FROM cost_records WHERE execution_id != '' AND $where) AS paid
    INNER JOIN
    (
        SELECT execution_id, argMin(error_message, (error_message = '', started_at, span_id)) AS message
        FROM task_executions_local FINAL
        WHERE execution_id IN (SELECT execution_id FROM cost_records WHERE execution_id != '' AND $where)
        GROUP BY execution_id
        HAVING countIf(status = 'failed') > 0
    ) AS failed USING (execution_id)
    GROUP BY error_type
)
ORDER BY scope, cost DESC, error_type
""")  # noqa: S608 - only the expression above is put in


class FailureScope(StrEnum):
    """What failed."""

    CALL = "call"
    EXECUTION = "execution"


class FailureCost(BaseModel):
    """What failures of one kind cost."""

    scope: FailureScope = Field(
        description="`call`: paid calls that failed; `execution`: everything that failed executions paid for."
    )
    error_type: str = Field(
        description="The error's type, as its message begins with; else `unclassified`.", examples=["RateLimitError"]
    )
    failures_count: int = Field(description="Number of failed calls, or of failed executions that paid for anything.")
    total_cost: Amount = Field(description="Exact sum of the records behind them.")
    operations_count: int = Field(description="Number of those records.")
    share: Amount = Field(description="Share (0 to 1) of the cost of everything in the window.")


class FailuresParameters(DetailFilters, Paged, frozen=True):
    """Parameters of the report on failures."""


def read_failures(ledger: Ledger, where: Where, parameters: FailuresParameters) -> list[FailureCost]:
    """Calls, then executions, each by descending cost and name; errors as of ``rows.ask``."""
    return [
        FailureCost(
            scope=FailureScope(text(row, "scope")),
            error_type=text(row, "error_type"),
            failures_count=integer(row, "failures"),
            total_cost=amount(row, "cost"),
            operations_count=integer(row, "records"),
            share=share(amount(row, "cost"), Decimal(amount(row, "whole_cost"))),
        )
        for row in ask(ledger, _SQL, where, parameters.page)
    ]


@router.get(
    "/api/analytics/cost/failures",
    summary="Cost of failures",
    response_model=list[FailureCost],
    responses=AMOUNT_RESPONSES,
)
def failures(question: Asked, parameters: Annotated[FailuresParameters, Query()]) -> Response:
    """What was paid for calls that failed, and for executions that failed, by type of error.

    The two overlap: a failed call inside a failed execution is in both. Add up the rows of one `scope` only.
    """
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(FailureCost), parameters, where, lambda: read_failures(question.ledger, where, parameters)
    )

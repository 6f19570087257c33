"""What each prompt costs: GET /api/analytics/cost/prompts."""

from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, Milliseconds, average, milliseconds
from spanledger_api.deployment import Deployed
from spanledger_api.filters import Dimension, Where
from spanledger_api.parameters import CostFilters
from spanledger_api.reply import AMOUNT_RESPONSES, amount_headers, report
from spanledger_api.rows import amount, ask, integer, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["PROMPT_SERVICE", "PromptCost", "read_prompts", "router"]

router = APIRouter(tags=["cost"])

PROMPT_SERVICE = "openai"
"""The service whose operations are prompts."""

_SQL = Template("""
SELECT
    operation,
    sum(toDecimal256(total_cost, 12)) AS cost,
    sum(toUInt128(duration_ns)) AS nanoseconds,
    count() AS records
FROM cost_records
WHERE $where
GROUP BY operation
ORDER BY cost DESC, operation
""")


class PromptCost(BaseModel):
    """What one prompt cost."""

    operation: str = Field(
        description="Model, category and name of the prompt.", examples=["gpt-4_video_selection_segment_select"]
    )
    total_cost: Amount = Field(description="Exact sum of the prompt's records.")
    avg_cost: Amount = Field(description="Mean cost of one call, half-even at 12 places.")
    avg_duration: Milliseconds = Field(description="Mean duration of one call in milliseconds.")
    calls_count: int = Field(description="Number of its records.", examples=[247])


def read_prompts(ledger: Ledger, where: Where) -> list[PromptCost]:
    """Prompts by descending cost, ties by name; raises as :func:`spanledger_api.rows.ask`.

    Args:
        ledger: What to read.
        where: Conditions that hold the records to :data:`PROMPT_SERVICE`.
    """
    return [
        PromptCost(
            operation=text(row, "operation"),
            total_cost=amount(row, "cost"),
            avg_cost=average(amount(row, "cost"), integer(row, "records")),
            avg_duration=milliseconds(integer(row, "nanoseconds"), integer(row, "records")),
            calls_count=integer(row, "records"),
        )
        for row in ask(ledger, _SQL, where)
    ]


@router.get(
    "/api/analytics/cost/prompts",
    summary="Cost of each prompt",
    response_model=list[PromptCost],
    responses=AMOUNT_RESPONSES,
)
def prompts(deployment: Deployed, parameters: Annotated[CostFilters, Query()]) -> Response:
    """Every operation of `openai` in the period, by descending cost: which prompt is the most expensive."""
    now = deployment.clock()
    where = parameters.where(now).equal(Dimension.SERVICE, PROMPT_SERVICE)
    headers = amount_headers(deployment.ledger, now, where, parameters.currency)
    return report(PromptCost, read_prompts(deployment.ledger, where), parameters.format, headers)

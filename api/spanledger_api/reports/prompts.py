"""What each prompt costs: GET /api/analytics/cost/prompts."""

from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, Milliseconds, average, milliseconds
from spanledger_api.filters import Dimension, Where
from spanledger_api.paging import Page, Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, integer, text
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_clickhouse.ledger import Ledger

__all__ = ["PROMPT_SERVICE", "PromptCost", "read_prompts", "router"]

router = APIRouter(tags=["cost"])

PROMPT_SERVICE = "openai"
"""The service whose operations are prompts."""

_SQL = Template("""
SELECT
    operation,
    sum(sums.cost) AS cost,
    sum(sums.nanoseconds) AS nanoseconds,
    sum(sums.records) AS records
FROM $sums AS sums
GROUP BY operation
ORDER BY cost DESC, operation
""")
_SUMS = Sums(("operation",), (Measure.COST, Measure.NANOSECONDS, Measure.RECORDS))


class PromptsParameters(DetailFilters, Paged, frozen=True):
    """Parameters of the report on prompts."""


class PromptCost(BaseModel):
    """What one prompt cost."""

    operation: str = Field(
        description="Model, category and name of the prompt.", examples=["gpt-4_video_selection_segment_select"]
    )
    total_cost: Amount = Field(description="Exact sum of the prompt's records.", examples=[12.34])
    avg_cost: Amount = Field(description="Mean cost of one call, half-even at 12 places.")
    avg_duration: Milliseconds = Field(description="Mean duration of one call in milliseconds.")
    calls_count: int = Field(description="Number of its records.", examples=[247])


def read_prompts(ledger: Ledger, where: Where, page: Page | None = None) -> list[PromptCost]:
    """Prompts by descending cost, ties by name; raises as :func:`spanledger_api.rows.ask`.

    Args:
        ledger: What to read.
        where: Conditions that hold the records to :data:`PROMPT_SERVICE`.
        page: The stretch of the list, as :func:`spanledger_api.rows.ask` takes it.
    """
    return [
        PromptCost(
            operation=text(row, "operation"),
            total_cost=amount(row, "cost"),
            avg_cost=average(amount(row, "cost"), integer(row, "records")),
            avg_duration=milliseconds(integer(row, "nanoseconds"), integer(row, "records")),
            calls_count=integer(row, "records"),
        )
        for row in ask_sums(ledger, _SQL, where, _SUMS, page)
    ]


@router.get(
    "/api/analytics/cost/prompts",
    summary="Cost of each prompt",
    response_model=list[PromptCost],
    responses=AMOUNT_RESPONSES,
)
def prompts(question: Asked, parameters: Annotated[PromptsParameters, Query()]) -> Response:
    """Every operation of `openai` in the period, by descending cost: which prompt is the most expensive."""
    where = parameters.where(question.now).equal(Dimension.SERVICE, PROMPT_SERVICE)
    return question.amounts(
        columns_of(PromptCost), parameters, where, lambda: read_prompts(question.ledger, where, parameters.page)
    )

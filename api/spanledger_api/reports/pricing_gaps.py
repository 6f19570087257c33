"""What has no price of its own: GET /api/analytics/cost/unpriced and /api/analytics/cost/fallback."""

from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger.pricing import CostSource
from spanledger_api.amounts import Amount
from spanledger_api.filters import Dimension, Where
from spanledger_api.paging import Page, Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, ask, integer, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["PricingGap", "read_pricing_gaps", "router"]

router = APIRouter(tags=["cost"])

_SQL = Template("""
SELECT
    service, model, reason, unit, count() AS records, sum(toDecimal256(quantity, 12)) AS used,
    sum(toDecimal256(total_cost, 12)) AS cost
FROM cost_records
WHERE $where
GROUP BY service, model, reason, unit
ORDER BY records DESC, service, model, reason, unit
""")


class PricingGap(BaseModel):
    """Usage that no price of its own was found for."""

    service: str = Field(description="Who was paid.", examples=["openai"])
    model: str = Field(description="The model; empty where there is none.", examples=["gpt-9"])
    reason: str = Field(description="Why there is no price of its own.", examples=["no price row for gpt-9"])
    unit: str = Field(description="The unit of the quantity; empty where none was stated.")
    quantity: Amount = Field(description="Exact sum of the quantities.")
    operations_count: int = Field(description="Number of the records.")
    total_cost: Amount = Field(description="What they were charged in the meantime; 0 where unpriced.")


class PricingGapsParameters(DetailFilters, Paged, frozen=True):
    """Parameters of the reports on usage without a price of its own."""


def read_pricing_gaps(ledger: Ledger, where: Where, source: CostSource, page: Page) -> list[PricingGap]:
    """Gaps by descending number of records; errors as of ``rows.ask``."""
    return [
        PricingGap(
            service=text(row, "service"),
            model=text(row, "model"),
            reason=text(row, "reason"),
            unit=text(row, "unit"),
            quantity=amount(row, "used"),
            operations_count=integer(row, "records"),
            total_cost=amount(row, "cost"),
        )
        for row in ask(ledger, _SQL, where.equal(Dimension.SOURCE, source.value), page)
    ]


def _answer(question: Asked, parameters: PricingGapsParameters, source: CostSource) -> Response:
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(PricingGap),
        parameters,
        where,
        lambda: read_pricing_gaps(question.ledger, where, source, parameters.page),
    )


@router.get(
    "/api/analytics/cost/unpriced",
    summary="Usage without a price",
    response_model=list[PricingGap],
    responses=AMOUNT_RESPONSES,
)
def unpriced(question: Asked, parameters: Annotated[PricingGapsParameters, Query()]) -> Response:
    """What nothing could price, with the reasons: which price rows are missing."""
    return _answer(question, parameters, CostSource.UNPRICED)


@router.get(
    "/api/analytics/cost/fallback",
    summary="Usage at the fallback price",
    response_model=list[PricingGap],
    responses=AMOUNT_RESPONSES,
)
def fallback(question: Asked, parameters: Annotated[PricingGapsParameters, Query()]) -> Response:
    """What was charged at the fallback model's price since its own is not known, with the reasons."""
    return _answer(question, parameters, CostSource.FALLBACK)

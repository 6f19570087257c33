"""What each paid service costs: GET /api/analytics/cost/services."""

from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, Milliseconds, milliseconds
from spanledger_api.filters import Where
from spanledger_api.paging import Page, Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, integer, text
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_clickhouse.ledger import Ledger

__all__ = ["ServiceCost", "read_services", "router"]

router = APIRouter(tags=["cost"])

_SQL = Template("""
SELECT
    service,
    sum(sums.cost) AS cost,
    sum(sums.nanoseconds) AS nanoseconds,
    sum(sums.records) AS records
FROM $sums AS sums
GROUP BY service
ORDER BY cost DESC, service
""")
_SUMS = Sums(("service",), (Measure.COST, Measure.NANOSECONDS, Measure.RECORDS))


class ServicesParameters(DetailFilters, Paged, frozen=True):
    """Parameters of the report on services."""


class ServiceCost(BaseModel):
    """What one service cost."""

    service: str = Field(description="The service that was paid.", examples=["openai"])
    total_cost: Amount = Field(description="Exact sum of the service's records.", examples=[45.67])
    avg_duration: Milliseconds = Field(description="Mean duration of its operations in milliseconds.", examples=[1234])
    operations_count: int = Field(description="Number of its records.", examples=[567])


def read_services(ledger: Ledger, where: Where, page: Page | None = None) -> list[ServiceCost]:
    """Services by descending cost, ties by name; page and errors as of :func:`spanledger_api.rows.ask`."""
    return [
        ServiceCost(
            service=text(row, "service"),
            total_cost=amount(row, "cost"),
            avg_duration=milliseconds(integer(row, "nanoseconds"), integer(row, "records")),
            operations_count=integer(row, "records"),
        )
        for row in ask_sums(ledger, _SQL, where, _SUMS, page)
    ]


@router.get(
    "/api/analytics/cost/services",
    summary="Cost of each service",
    response_model=list[ServiceCost],
    responses=AMOUNT_RESPONSES,
)
def services(question: Asked, parameters: Annotated[ServicesParameters, Query()]) -> Response:
    """Every service that was paid for in the period, by descending cost."""
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(ServiceCost), parameters, where, lambda: read_services(question.ledger, where, parameters.page)
    )

"""How far the ledger's data can be trusted: GET /api/health/data."""

from datetime import datetime
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger.pricing import PriceBook
from spanledger_api.amounts import Amount, Milliseconds, milliseconds, share
from spanledger_api.coverage import newest_arrival
from spanledger_api.encoding import to_csv, to_json
from spanledger_api.filters import Dimension, Where
from spanledger_api.parameters import DetailFilters, ReportFormat
from spanledger_api.problem import PROBLEM_RESPONSES
from spanledger_api.question import Asked, columns_of
from spanledger_api.rows import amount, integer
from spanledger_api.sums import Measure, Source, Sums, ask_sums
from spanledger_api.times import format_rfc3339, nanoseconds_of
from spanledger_clickhouse.ledger import Ledger

__all__ = ["DataHealth", "DataHealthParameters", "read_data_health", "router"]

router = APIRouter(tags=["operation"])

_COSTS = Template("""
SELECT
    sum(sums.records) AS records, sum(sums.unpriced) AS unpriced, sum(sums.cost) AS cost,
    sumIf(sums.records, source = 'fallback') AS fallback, sum(sums.fallback_cost) AS fallback_cost
FROM $sums AS sums
""")
_OF_COSTS = Sums(("source",), (Measure.RECORDS, Measure.UNPRICED, Measure.COST, Measure.FALLBACK_COST))
_UNATTRIBUTED = Template("""
SELECT sumIf(sums.records, user_id = '') AS records, sumIf(sums.cost, user_id = '') AS cost FROM $sums AS sums
""")
_OF_USERS = Sums(("user_id",), (Measure.RECORDS, Measure.COST))
_STEPS = Template("SELECT sum(sums.records) AS records FROM $sums AS sums")
_OF_STEPS = Sums((), (Measure.RECORDS,), Source.PERFORMANCE)


class DataHealth(BaseModel):
    """How fresh and how complete the data of a window is."""

    newest_arrival: str | None = Field(description="When the newest record arrived (RFC 3339); null: an empty ledger.")
    lag: Milliseconds | None = Field(description="Milliseconds since then; null while the ledger is empty.")
    cost_records_count: int = Field(description="Cost records in the window.")
    performance_records_count: int = Field(
        description="Performance records in the window, narrowed by user, task, execution, step and status alone."
    )
    unpriced_count: int = Field(description="Cost records that nothing could price.")
    unpriced_share: Amount = Field(description="Their share (0 to 1) of the cost records.")
    fallback_count: int = Field(description="Cost records at the fallback model's price.")
    fallback_share: Amount = Field(description="Their share (0 to 1) of the amount.")
    unattributed_count: int = Field(description="Cost records that name no user.")
    unattributed_share: Amount = Field(description="Their share (0 to 1) of the amount.")
    price_rows_count: int = Field(description="Rows of the price book.")
    price_book_date: str | None = Field(
        description="The newest day on which a row of it took effect; null without rows."
    )


class DataHealthParameters(DetailFilters, frozen=True):
    """Parameters of the state of the data."""

    def steps(self, now: datetime) -> Where:
        """The conditions on the performance records to count; raises as ``where`` does."""
        return (
            Where.within(self.window(now))
            .equal(Dimension.USER_ID, self.user_id)
            .equal(Dimension.TASK_TYPE, self.task_type)
            .equal(Dimension.EXECUTION_ID, self.execution_id)
            .equal(Dimension.STEP, self.step)
            .equal(Dimension.STATUS, self.status)
        )


def read_data_health(ledger: Ledger, now: datetime, parameters: DataHealthParameters) -> DataHealth:
    """Freshness and coverage of a window.

    Raises:
        InvalidRequestError: The window would be empty.
        LedgerUnavailableError: As of :func:`spanledger_api.rows.ask`.
    """
    newest = newest_arrival(ledger)
    rows = PriceBook.from_environment().rows()
    (steps,) = ask_sums(ledger, _STEPS, parameters.known(parameters.steps(now)), _OF_STEPS)
    (costs,) = ask_sums(ledger, _COSTS, parameters.where(now), _OF_COSTS)
    (unattributed,) = ask_sums(ledger, _UNATTRIBUTED, parameters.where(now), _OF_USERS)
    return DataHealth(
        newest_arrival=None if newest is None else format_rfc3339(newest),
        lag=None if newest is None else milliseconds(max(0, nanoseconds_of(now) - newest)),
        cost_records_count=integer(costs, "records"),
        performance_records_count=integer(steps, "records"),
        unpriced_count=integer(costs, "unpriced"),
        unpriced_share=share(integer(costs, "unpriced"), integer(costs, "records")),
        fallback_count=integer(costs, "fallback"),
        fallback_share=share(amount(costs, "fallback_cost"), amount(costs, "cost")),
        unattributed_count=integer(unattributed, "records"),
        unattributed_share=share(amount(unattributed, "cost"), amount(costs, "cost")),
        price_rows_count=len(rows),
        price_book_date=max((row.effective_from.isoformat() for row in rows), default=None),
    )


@router.get(
    "/api/health/data",
    summary="Freshness and coverage of the data",
    response_model=DataHealth,
    responses=PROBLEM_RESPONSES,
)
def data_health(question: Asked, parameters: Annotated[DataHealthParameters, Query()]) -> Response:
    """How long ago the newest record arrived, and how much of the window is priced and attributed to users."""
    health = read_data_health(question.ledger, question.now, parameters)
    if parameters.format is ReportFormat.CSV:
        return Response(to_csv(columns_of(DataHealth), [health]), media_type="text/csv; charset=utf-8")
    return Response(to_json(health), media_type="application/json")

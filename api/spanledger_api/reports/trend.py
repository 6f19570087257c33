"""How cost develops over days, weeks or months: GET /api/analytics/cost/trend."""

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from string import Template
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, exact_arithmetic
from spanledger_api.filters import Where
from spanledger_api.grouping import Interval, within_local
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, day, integer
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_api.window import Period, Window, days_window, first_day, overridden
from spanledger_clickhouse.ledger import Ledger

__all__ = ["TrendParameters", "TrendPoint", "read_trend", "router"]

router = APIRouter(tags=["cost"])

# Days come from the ledger; weeks and months are made of them by the same calendar that opens the window.
_SQL = Template("""
SELECT toDate32(started_at, {timezone:String}) AS day, sum(sums.cost) AS cost, sum(sums.records) AS records
FROM $sums AS sums
GROUP BY day
ORDER BY day
""")


class TrendPoint(BaseModel):
    """What one day, week or month cost."""

    date: str = Field(description="First day of the day, week or month.", examples=["2026-03-14"])
    total_cost: Amount = Field(description="Exact sum of the records that started in it.", examples=[2.94])
    operations_count: int = Field(description="Number of those records.", examples=[42])


class TrendParameters(DetailFilters, frozen=True):
    """Parameters of the report on the trend."""

    period: Literal[Period.DAILY, Period.WEEKLY, Period.MONTHLY] = Field(
        Period.DAILY, description="What one point covers; weeks start Monday."
    )
    days: int = Field(30, ge=1, le=3660, description="Calendar days covered, today included; `from` overrides it.")

    def window(self, now: datetime) -> Window:
        """The half-open window that is asked for; raises as the base does."""
        return overridden(days_window(self.days, now, self.zone), self.start, self.end)


def read_trend(ledger: Ledger, where: Where, period: Period, timezone: str) -> list[TrendPoint]:
    """One point a day, week or month that has records, ascending; raises as :func:`spanledger_api.rows.ask`."""
    costs: defaultdict[date, Decimal] = defaultdict(Decimal)
    counts: defaultdict[date, int] = defaultdict(int)
    sums = Sums((), (Measure.COST, Measure.RECORDS), is_whole=within_local(Interval.DAY, ZoneInfo(timezone)))
    rows = ask_sums(ledger, _SQL, where, sums, timezone=timezone)
    with exact_arithmetic():
        for row in rows:
            first = first_day(period, day(row, "day"))
            costs[first] += amount(row, "cost")
            counts[first] += integer(row, "records")
    return [
        TrendPoint(date=first.isoformat(), total_cost=costs[first], operations_count=counts[first])
        for first in sorted(costs)
    ]


@router.get(
    "/api/analytics/cost/trend",
    summary="Cost over time",
    response_model=list[TrendPoint],
    responses=AMOUNT_RESPONSES,
)
def trend(question: Asked, parameters: Annotated[TrendParameters, Query()]) -> Response:
    """Cost by day, week or month, ascending.

    A day, week or month without records has no point. The first and the last point hold only what lies in the window.
    """
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(TrendPoint),
        parameters,
        where,
        lambda: read_trend(question.ledger, where, parameters.period, parameters.timezone),
    )

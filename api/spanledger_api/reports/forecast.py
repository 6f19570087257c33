"""What the current month will cost: GET /api/analytics/cost/forecast."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from string import Template
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, Field

from spanledger_api.amounts import Amount, exact_arithmetic, share
from spanledger_api.filters import Dimension, Where
from spanledger_api.forecasting import Method, forecast
from spanledger_api.grouping import Interval, within_local
from spanledger_api.parameters import AsKnown, RecordDetails, ReportFormat, known_zone
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, day
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_api.times import nanoseconds_of
from spanledger_api.window import Period, Window, first_day, first_instant
from spanledger_clickhouse.ledger import Ledger

__all__ = ["ForecastParameters", "MonthForecast", "read_forecast", "router"]

router = APIRouter(tags=["cost"])

_DAYS = Template("""
SELECT toDate32(started_at, {timezone:String}) AS day, sum(sums.cost) AS cost
FROM $sums AS sums
GROUP BY day
ORDER BY day
""")


class MonthForecast(BaseModel):
    """What the current month has cost and will have cost."""

    month: str = Field(description="First day of the month.", examples=["2026-03-01"])
    month_to_date: Amount = Field(description="Exact sum of the month so far.")
    forecast: Amount = Field(description="Expected cost of the whole month, what was spent included.")
    low: Amount = Field(description="Lower end of the range that holds the result in 80 % of cases.")
    high: Amount = Field(description="Upper end of that range.")
    method: Method = Field(
        description="`weekday_run_rate` from 14 observed days on: each remaining day costs what its weekday did on "
        "average; `run_rate`: what a day did; `no_history`: no full day was observed."
    )
    observed_days: int = Field(description="Full days that the forecast rests on.", examples=[28])
    daily_rate: Amount = Field(description="Mean cost of an observed day.")


class ForecastParameters(RecordDetails, AsKnown, extra="forbid", frozen=True):
    """Parameters of the forecast."""

    days: int = Field(28, ge=1, le=366, description="Full days before today to observe; whole weeks are best.")
    timezone: Annotated[str, AfterValidator(known_zone)] = Field(
        "UTC", description="IANA time zone whose calendar the month follows.", examples=["Asia/Taipei"]
    )
    currency: str = Field("USD", pattern="^[A-Z]{3}$", description="ISO 4217 code; only its records are read.")
    service: str | None = Field(None, description="This service only; empty: records without.", examples=["openai"])
    user_id: str | None = Field(None, alias="userId", description="This user only; empty: records without a user.")
    task_type: str | None = Field(None, alias="taskType", description="This task type only; empty: records without.")
    format: ReportFormat = Field(ReportFormat.JSON, description="Form of the body.")

    def window(self, now: datetime) -> Window:
        """The current month and the days to observe, without an end: the present is never closed."""
        return Window(min(_Calendar.of(now, self.timezone).month_start, self._observed_from(now)))

    def _observed_from(self, now: datetime) -> int:
        calendar = _Calendar.of(now, self.timezone)
        return max(0, first_instant(calendar.today - timedelta(days=self.days), calendar.zone))

    def where(self, now: datetime) -> Where:
        """The conditions on the cost records to read."""
        return self.known(
            self.narrowed(
                Where.within(self.window(now))
                .equal(Dimension.CURRENCY, self.currency)
                .equal(Dimension.SERVICE, self.service)
                .equal(Dimension.USER_ID, self.user_id)
                .equal(Dimension.TASK_TYPE, self.task_type)
            )
        )


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Where now stands in the month of a time zone."""

    zone: ZoneInfo
    today: date
    first: date
    month_start: int
    part_left: Decimal

    @classmethod
    def of(cls, now: datetime, timezone: str) -> "_Calendar":
        """The month that holds ``now``, aware, in a zone, and how much of today is left."""
        zone = ZoneInfo(timezone)
        today = now.astimezone(zone).date()
        start, end = (first_instant(each, zone) for each in (today, today + timedelta(days=1)))
        first = first_day(Period.MONTHLY, today)
        left = share(end - nanoseconds_of(now), end - start)
        return cls(zone, today, first, first_instant(first, zone), left)

    @property
    def end(self) -> date:
        """First day of the next month."""
        return first_day(Period.MONTHLY, self.first + timedelta(days=31))


def read_forecast(ledger: Ledger, where: Where, parameters: ForecastParameters, now: datetime) -> MonthForecast:
    """The forecast for the current month; errors as of ``rows.ask``."""
    calendar = _Calendar.of(now, parameters.timezone)
    sums = Sums((), (Measure.COST,), is_whole=within_local(Interval.DAY, calendar.zone))
    rows = ask_sums(ledger, _DAYS, where, sums, timezone=parameters.timezone)
    costs = {day(row, "day"): amount(row, "cost") for row in rows}
    earliest = calendar.today - timedelta(days=parameters.days)
    with exact_arithmetic():
        spent = sum((cost for each, cost in costs.items() if calendar.first <= each < calendar.end), Decimal(0))
    found = forecast(
        spent,
        {each: cost for each, cost in costs.items() if earliest <= each < calendar.today},
        calendar.today,
        calendar.part_left,
        calendar.end,
    )
    return MonthForecast(
        month=calendar.first.isoformat(),
        month_to_date=spent,
        forecast=found.amount,
        low=found.low,
        high=found.high,
        method=found.method,
        observed_days=found.observed_days,
        daily_rate=found.daily_rate,
    )


@router.get(
    "/api/analytics/cost/forecast",
    summary="Forecast to the end of the month",
    response_model=list[MonthForecast],
    responses=AMOUNT_RESPONSES,
)
def forecast_month(question: Asked, parameters: Annotated[ForecastParameters, Query()]) -> Response:
    """One row: what the current month has cost so far and what it will have cost at its end, with the method named.

    Days are observed from the first one with records on. The range assumes that days keep varying as they did; it knows
    nothing of plans, prices to come or anything else that is not in the ledger.
    """
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(MonthForecast),
        parameters,
        where,
        lambda: [read_forecast(question.ledger, where, parameters, question.now)],
    )

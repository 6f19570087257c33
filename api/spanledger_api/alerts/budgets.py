"""How budgets stand: what is spent, what will be, when it runs out, and which thresholds that reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from spanledger_api.alerts.periods import current_period
from spanledger_api.amounts import exact_arithmetic, share
from spanledger_api.forecasting import Method, forecast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from spanledger_api.alerts.budget import Budget
    from spanledger_api.alerts.daily_costs import DailyCosts
    from spanledger_api.alerts.periods import CurrentPeriod

__all__ = [
    "BudgetState",
    "BudgetStatus",
    "Crossing",
    "Measure",
    "budget_state",
    "crossings",
    "read_budget",
    "worst_first",
]

_OBSERVED_DAYS: Final = 28
_HUNDRED: Final = Decimal(100)
_MICROSECONDS_A_DAY: Final = 86_400_000_000


class BudgetStatus(StrEnum):
    """How a budget stands."""

    OK = "ok"
    WARNING = "warning"
    """One of its thresholds is reached, or expected to be."""
    EXCEEDED = "exceeded"
    """More than its amount is spent."""


class Measure(StrEnum):
    """What reaches a threshold."""

    ACTUAL = "actual"
    FORECAST = "forecast"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that is reached.

    Attributes:
        measure: What reaches it.
        threshold: Percent of the budget's amount.
    """

    measure: Measure
    threshold: Decimal


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in the period that a moment lies in.

    Attributes:
        budget: The budget.
        period: The period.
        spent: What was spent in it so far.
        forecast: What will have been spent at its end; None without a full day of history to go by.
        runs_out_at: When the amount will be spent at the present rate; None if not in this period, or if it is.
    """

    budget: Budget
    period: CurrentPeriod
    spent: Decimal
    forecast: Decimal | None
    runs_out_at: datetime | None

    @property
    def used_share(self) -> Decimal:
        """What is spent as a share of the amount; above 1 where it is exceeded."""
        return share(self.spent, self.budget.amount)

    @property
    def status(self) -> BudgetStatus:
        """How it stands."""
        if self.spent > self.budget.amount:
            return BudgetStatus.EXCEEDED
        return BudgetStatus.WARNING if crossings(self) else BudgetStatus.OK


def read_budget(costs: DailyCosts, budget: Budget, now: datetime) -> BudgetState:
    """How a budget stands at a moment.

    Args:
        costs: What days cost.
        budget: The budget.
        now: The moment, aware.

    Raises:
        ClickHouseError: The ledger does not answer.
    """
    period = current_period(budget.period, now, budget.zone)
    observed_from = period.today - timedelta(days=_OBSERVED_DAYS)
    return budget_state(budget, now, costs.read(budget, min(period.first, observed_from), period.end))


def budget_state(budget: Budget, now: datetime, days: Mapping[date, Decimal]) -> BudgetState:
    """How a budget stands at a moment, by what days cost.

    Args:
        budget: The budget.
        now: The moment, aware.
        days: Cost of each day of the period, and of the 28 before the moment.
    """
    period = current_period(budget.period, now, budget.zone)
    observed_from = period.today - timedelta(days=_OBSERVED_DAYS)
    with exact_arithmetic():
        spent = sum((cost for day, cost in days.items() if period.first <= day < period.end), Decimal(0))
        history = {day: cost for day, cost in days.items() if observed_from <= day < period.today}
        expected = forecast(spent, history, period.today, period.part_left, period.end)
        known = expected.method is not Method.NO_HISTORY
        return BudgetState(
            budget=budget,
            period=period,
            spent=spent,
            forecast=expected.amount if known else None,
            runs_out_at=_runs_out_at(budget.amount - spent, expected.daily_rate, now, period),
        )


def _runs_out_at(left: Decimal, daily_rate: Decimal, now: datetime, period: CurrentPeriod) -> datetime | None:
    if left <= 0 or daily_rate <= 0:
        return None
    days = left / daily_rate
    if days > (period.end - period.first).days + 1:
        return None
    microseconds = (days * _MICROSECONDS_A_DAY).to_integral_value(ROUND_FLOOR)
    moment = now.astimezone(UTC) + timedelta(microseconds=int(microseconds))
    return moment if moment < period.end_instant else None


def crossings(state: BudgetState) -> list[Crossing]:
    """The thresholds that are reached, the highest first; a forecast says nothing new of what is spent already."""
    amount = state.budget.amount
    with exact_arithmetic():
        spent = _reached(state.budget.thresholds, state.spent, amount)
        expected = _reached(state.budget.forecast_thresholds, state.forecast or Decimal(0), amount)
        ahead = [each for each in expected if state.spent * _HUNDRED < each * amount]
    return [
        *(Crossing(Measure.ACTUAL, each) for each in spent),
        *(Crossing(Measure.FORECAST, each) for each in ahead),
    ]


def _reached(thresholds: Iterable[Decimal], value: Decimal, amount: Decimal) -> list[Decimal]:
    return sorted({each for each in thresholds if value * _HUNDRED >= each * amount}, reverse=True)


def worst_first(states: Iterable[BudgetState]) -> list[BudgetState]:
    """Exceeded ones, then those that warn, each by what share is used or expected, the highest first."""
    severity = {BudgetStatus.EXCEEDED: 0, BudgetStatus.WARNING: 1, BudgetStatus.OK: 2}

    def rank(state: BudgetState) -> tuple[int, Decimal, str]:
        expected = share(max(state.spent, state.forecast or Decimal(0)), state.budget.amount)
        return severity[state.status], -expected, state.budget.budget_id

    return sorted(states, key=rank)

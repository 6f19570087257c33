"""What a month will cost, from the days behind it: a run rate, with the habits of weekdays once they are known."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from spanledger_api.amounts import PLACES, exact_arithmetic

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WEEKDAYS_NEED", "Forecast", "Method", "forecast"]

WEEKDAYS_NEED: Final = 14
"""Days that must have been observed before each weekday is given a rate of its own."""

_EIGHTY_PERCENT: Final = Decimal("1.2816")
"""Standard deviations on either side of the mean within which 80 % of a normal distribution lie."""


class Method(StrEnum):
    """How a forecast came about."""

    WEEKDAY_RUN_RATE = "weekday_run_rate"
    """Each remaining day costs what its weekday cost on average."""
    RUN_RATE = "run_rate"
    """Each remaining day costs what a day cost on average."""
    NO_HISTORY = "no_history"
    """No full day was observed; only what was already spent is known."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a month will have cost at its end.

    Attributes:
        amount: The forecast, what was already spent included.
        low: Lower end of the range that holds the result in 80 % of cases if days keep varying as they did.
        high: Upper end of that range.
        method: How it came about.
        observed_days: Full days that it rests on.
        daily_rate: Mean cost of an observed day; 0 without history.
    """

    amount: Decimal
    low: Decimal
    high: Decimal
    method: Method
    observed_days: int
    daily_rate: Decimal


def forecast(spent: Decimal, history: Mapping[date, Decimal], today: date, part_left: Decimal, end: date) -> Forecast:
    """Forecast what a period that today lies in will have cost at its end.

    Args:
        spent: Cost of the period so far, today's included.
        history: Cost of every full day observed; a day that is missing between the first one and today cost nothing.
        today: The current day.
        part_left: Share (0 to 1) of today that is still to come.
        end: First day after the period.
    """
    with exact_arithmetic():
        first = min(history, default=today)
        days = [first + timedelta(days=number) for number in range((today - first).days)]
        if not days:
            return Forecast(spent, spent, spent, Method.NO_HISTORY, 0, Decimal(0))
        mean = sum((history.get(each, Decimal(0)) for each in days), Decimal(0)) / len(days)
        weekdays = len(days) >= WEEKDAYS_NEED
        rates = _weekday_rates(history, days) if weekdays else dict.fromkeys(range(7), mean)
        left = [(today, part_left), *((today + timedelta(days=n), Decimal(1)) for n in range(1, (end - today).days))]
        expected = spent + sum((rates[each.weekday()] * part for each, part in left), Decimal(0))
        spread = _EIGHTY_PERCENT * _deviation(history, days, rates) * sum((part for _, part in left), Decimal(0)).sqrt()
        return Forecast(
            amount=expected.quantize(PLACES),
            low=max(spent, expected - spread).quantize(PLACES),
            high=(expected + spread).quantize(PLACES),
            method=Method.WEEKDAY_RUN_RATE if weekdays else Method.RUN_RATE,
            observed_days=len(days),
            daily_rate=mean.quantize(PLACES),
        )


def _weekday_rates(history: Mapping[date, Decimal], days: list[date]) -> dict[int, Decimal]:
    costs: defaultdict[int, list[Decimal]] = defaultdict(list)
    for each in days:
        costs[each.weekday()].append(history.get(each, Decimal(0)))
    return {weekday: sum(found, Decimal(0)) / len(found) for weekday, found in costs.items()}


def _deviation(history: Mapping[date, Decimal], days: list[date], rates: Mapping[int, Decimal]) -> Decimal:
    """Standard deviation of what days cost around their rate; 0 where a single day was observed."""
    if len(days) == 1:
        return Decimal(0)
    squares = sum(((history.get(each, Decimal(0)) - rates[each.weekday()]) ** 2 for each in days), Decimal(0))
    return (squares / (len(days) - 1)).sqrt()

"""What a day usually costs: a robust level, the habits of weekdays, and how far days stray from both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Final

from spanledger_api.amounts import exact_arithmetic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NEEDED_DAYS", "Baseline", "baseline"]

NEEDED_DAYS: Final = 14
"""Days of history without which nothing is called unusual: two of each weekday."""

_NORMAL: Final = Decimal("1.4826")
"""What the median absolute deviation of a normal distribution is multiplied with to be its standard deviation."""

_LEAST_DEVIATION: Final = Decimal("0.05")
"""Days are taken to stray by this share of what is usual at least: no series is steadier than its prices."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a day usually costs.

    Attributes:
        expected: The amount.
        deviation: A robust standard deviation from it.
    """

    expected: Decimal
    deviation: Decimal

    def bound(self, sensitivity: Decimal, min_amount: Decimal, min_percent: Decimal) -> Decimal:
        """The amount above which a day is unusual by every measure: its deviation, in money and in percent.

        Args:
            sensitivity: How many deviations above what is usual.
            min_amount: The least excess in money.
            min_percent: The least excess in percent of what is usual.
        """
        with exact_arithmetic():
            return self.expected + max(
                self.deviation * sensitivity, min_amount, self.expected * min_percent / Decimal(100)
            )


def baseline(history: Mapping[date, Decimal], day: date) -> Baseline | None:
    """What a day may be expected to cost by the days before it.

    Medians, so that an unusual day of the past does not make the next one look usual. Where most days cost nothing, the
    dearest of them is what is usual.

    Args:
        history: Cost of days before it; one that is missing after the first cost nothing.
        day: The day.

    Returns:
        None with less than 14 days of history.
    """
    first = min(history, default=day)
    days = [first + timedelta(days=number) for number in range((day - first).days)]
    if len(days) < NEEDED_DAYS:
        return None
    costs = [history.get(each, Decimal(0)) for each in days]
    level = median(costs)
    with exact_arithmetic():
        if not level:
            return Baseline(max(costs), Decimal(0))
        habits = _habits(days, costs, level)
        usual = [level * habits[each.weekday()] for each in days]
        residuals = [cost - each for cost, each in zip(costs, usual, strict=True)]
        centre = median(residuals)
        deviation = _NORMAL * median([abs(each - centre) for each in residuals])
        expected = level * habits[day.weekday()]
        return Baseline(expected, max(deviation, _LEAST_DEVIATION * level))


def _habits(days: Sequence[date], costs: Sequence[Decimal], level: Decimal) -> dict[int, Decimal]:
    """What each weekday costs as a multiple of the level."""
    found: dict[int, list[Decimal]] = {}
    for each, cost in zip(days, costs, strict=True):
        found.setdefault(each.weekday(), []).append(cost / level)
    return {weekday: median(shares) for weekday, shares in found.items()}

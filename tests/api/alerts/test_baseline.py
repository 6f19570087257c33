"""What is usual: medians with the habits of weekdays, never from too little history."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_api.alerts.baseline import NEEDED_DAYS, Baseline, baseline

TODAY = date(2026, 3, 14)  # a Saturday
_COSTS = st.decimals(0, 1000, places=2)


def _days(costs: list[Decimal]) -> dict[date, Decimal]:
    """Costs of the days before today, the last one yesterday's."""
    return {TODAY - timedelta(days=len(costs) - number): cost for number, cost in enumerate(costs)}


@given(st.lists(_COSTS, max_size=NEEDED_DAYS - 1))
def test_too_little_history_says_nothing(costs: list[Decimal]) -> None:
    """Thirteen days are no history."""
    assert baseline(_days(costs), TODAY) is None


@given(st.lists(_COSTS, min_size=NEEDED_DAYS, max_size=56), st.decimals(1, 100, places=1))
def test_what_is_usual_does_not_depend_on_the_currency(costs: list[Decimal], factor: Decimal) -> None:
    """The same history in smaller coins has the same baseline in smaller coins."""
    plain, scaled = baseline(_days(costs), TODAY), baseline(_days([cost * factor for cost in costs]), TODAY)

    assert plain is not None
    assert scaled is not None
    assert abs(scaled.expected - plain.expected * factor) < Decimal("1e-9")
    assert abs(scaled.deviation - plain.deviation * factor) < Decimal("1e-9")
    assert plain.expected >= 0
    assert plain.deviation >= 0


def test_weekdays_have_their_own_level() -> None:
    """Saturdays that cost a tenth are expected to cost a tenth, and do not make the other days look unusual."""
    days = [TODAY - timedelta(days=number) for number in range(1, 57)]
    history = {each: Decimal(1 if each.weekday() == 5 else 10) for each in days}

    saturday, sunday = baseline(history, TODAY), baseline(history, TODAY + timedelta(days=1))

    assert saturday is not None
    assert sunday is not None
    assert (saturday.expected, sunday.expected) == (Decimal(1), Decimal(10))


def test_an_unusual_day_of_the_past_changes_nothing() -> None:
    """A spike stays out of what is usual, so that the next one is noticed too."""
    costs = [Decimal(10)] * 28
    calm, after = baseline(_days(costs), TODAY), baseline(_days([*costs[:-2], Decimal(500), Decimal(10)]), TODAY)

    assert calm == after == Baseline(Decimal(10), Decimal("0.5"))


def test_where_most_days_are_free_the_dearest_is_usual() -> None:
    """A user who works twice a month is not unusual each time."""
    costs = [Decimal(0)] * 30
    costs[0], costs[13], costs[20] = Decimal("0.01"), Decimal(40), Decimal(30)

    assert baseline(_days(costs), TODAY) == Baseline(Decimal(40), Decimal(0))


@pytest.mark.parametrize(
    ("sensitivity", "amount", "percent", "expected"),
    [("3.5", "5", "50", "15"), ("3.5", "2", "10", "13.5"), ("3.5", "2", "60", "16"), ("0", "0", "0", "10")],
)
def test_every_measure_has_to_be_exceeded(sensitivity: str, amount: str, percent: str, expected: str) -> None:
    """The bound is the highest of deviations, money and percent."""
    found = Baseline(Decimal(10), Decimal(1)).bound(Decimal(sensitivity), Decimal(amount), Decimal(percent))

    assert found == Decimal(expected)

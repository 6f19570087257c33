"""Forecasts: what the arithmetic promises, whatever the history is."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from spanledger_api.forecasting import Method, forecast

_TODAY = date(2026, 3, 14)
_END = date(2026, 4, 1)
_AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=12, allow_nan=False)


def test_without_a_full_day_only_what_was_spent_is_known() -> None:
    """There is no rate to go by, and the answer says so."""
    found = forecast(Decimal(5), {}, _TODAY, Decimal("0.5"), _END)

    assert found.amount == found.low == found.high == 5
    assert (found.method, found.observed_days) == (Method.NO_HISTORY, 0)


def test_few_days_give_a_plain_run_rate() -> None:
    """Thirteen days are too few to tell weekdays apart; days without records between them cost nothing."""
    history = {_TODAY - timedelta(days=13): Decimal(26)}

    found = forecast(Decimal(26), history, _TODAY, Decimal("0.5"), _END)

    assert (found.method, found.observed_days) == (Method.RUN_RATE, 13)
    assert found.daily_rate == 2
    assert found.amount == 26 + 2 * (Decimal("0.5") + 17)


def test_two_weeks_give_each_weekday_its_own_rate() -> None:
    """With free weekends the remaining working days are counted, not the remaining days; the result is certain then."""
    days = [_TODAY - timedelta(days=n) for n in range(1, 22)]
    history = {day: Decimal(10) for day in days if day.weekday() < 5}

    found = forecast(Decimal(100), history, _TODAY, Decimal(1), _END)

    working = sum((_TODAY + timedelta(days=n)).weekday() < 5 for n in range(18))
    assert found.method is Method.WEEKDAY_RUN_RATE
    assert found.amount == found.low == found.high == 100 + 10 * working


@given(st.dictionaries(st.integers(1, 60), _AMOUNTS), _AMOUNTS, st.decimals(0, 1, places=6))
def test_the_range_holds_the_forecast_and_nothing_is_unspent(
    costs: dict[int, Decimal], spent: Decimal, left: Decimal
) -> None:
    """Low is at most the forecast, high at least, and none of them is below what was spent already."""
    history = {_TODAY - timedelta(days=n): cost for n, cost in costs.items()}

    found = forecast(spent, history, _TODAY, left, _END)

    assert spent <= found.low <= found.amount <= found.high
    assert found.observed_days == max(costs, default=0)

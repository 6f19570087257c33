"""Budgets: exact sums, honest forecasts, and each threshold once a period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_api.alerts.budget import Budget, BudgetDefinition, Scope
from spanledger_api.alerts.budget_watch import BudgetWatch, budget_findings
from spanledger_api.alerts.budgets import BudgetState, BudgetStatus, Measure, crossings, read_budget, worst_first
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.daily_costs import DailyCosts
from spanledger_api.alerts.kinds import Origin
from spanledger_api.alerts.periods import BudgetPeriod, current_period
from spanledger_api.alerts.progress import Progress
from spanledger_api.alerts.settings import SettingKind, write_setting
from spanledger_api.messages import Locale
from tests.api.spans import Span, store
from tests.statements import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger
    from tests.api.alerts.conftest import Clock

_DAY = timedelta(days=1)


def _budget(amount: str = "100", **stated: object) -> Budget:
    fields = {"budget_id": "b", "name": "Team", "amount": Decimal(amount), "origin": Origin.FILE, **stated}
    return Budget.model_validate(fields)


@pytest.fixture
def watch(ledger: Ledger, clock: Clock) -> Callable[..., BudgetWatch]:
    """Starts a watch of some budgets on a ledger that has been watched since the year before."""
    begun = """
    INSERT INTO alert_progress (name, read_from, read_until) SELECT 'operations', {t:DateTime64(3)}, {t:DateTime64(3)}
    """

    def start(*budgets: Budget) -> BudgetWatch:
        ledger.command(begun, {"t": clock.now - 365 * _DAY})
        configuration = AlertConfiguration(budgets=budgets)
        return BudgetWatch(ledger, configuration, DailyCosts(ledger), Progress(ledger), clock)

    return start


def _raised(watching: BudgetWatch) -> list[tuple[str, Decimal]]:
    return [(alert.kind.value, alert.threshold) for alert in watching.look()]


def test_each_threshold_is_raised_once_a_period(
    ledger: Ledger, clock: Clock, watch: Callable[..., BudgetWatch]
) -> None:
    """As money is spent 50, 80 and 100 percent come once each, and all of them again in the next month."""
    watching = watch(_budget("10", forecast_thresholds=[]))
    store(ledger, [Span(service="s3", cost=Decimal(5), start=clock.now)])
    assert _raised(watching) == [("budget", Decimal(5))]
    assert _raised(watching) == []
    store(ledger, [Span(service="s3", cost=Decimal("2.999999999999"), start=clock.now)])
    assert _raised(watching) == []
    store(ledger, [Span(service="s3", cost=Decimal("0.000000000001"), start=clock.now)])
    assert _raised(watching) == [("budget", Decimal(8))]
    store(ledger, [Span(service="s3", cost=Decimal(9), start=clock.now)])
    assert _raised(watching) == [("budget", Decimal(10))]
    assert _raised(watch(_budget("10", forecast_thresholds=[]))) == []

    clock.now = datetime(2026, 4, 2, 12, tzinfo=UTC)
    store(ledger, [Span(service="s3", cost=Decimal(10), start=clock.now)])
    assert sorted(_raised(watching)) == [("budget", Decimal(5)), ("budget", Decimal(8)), ("budget", Decimal(10))]
    store(ledger, [Span(service="s3", cost=Decimal(10), start=clock.now)])
    assert _raised(watching) == []


def test_of_several_thresholds_only_the_highest_is_sent(ledger: Ledger, clock: Clock) -> None:
    """One jump over three thresholds is three alerts and one notice."""
    store(ledger, [Span(service="s3", cost=Decimal(120), start=clock.now)])
    state = read_budget(DailyCosts(ledger), _budget(), clock.now)

    found = budget_findings(state, crossings(state), clock.now, ("slack",))

    assert [(each.alert.threshold, bool(each.silent_because)) for each in found] == [
        (Decimal(100), False),
        (Decimal(80), True),
        (Decimal(50), True),
    ]
    assert found[0].alert.message(Locale.ENGLISH) == (
        'Budget "Team" (total): $120 of $100 spent since 2026-03-01, 120% used; threshold 100%.'
    )
    assert "已花費 $120" in found[0].alert.message(Locale.TRADITIONAL_CHINESE)


def test_a_forecast_warns_before_it_is_spent(ledger: Ledger, clock: Clock, watch: Callable[..., BudgetWatch]) -> None:
    """A dollar a day for four weeks makes 31 in March: expected to exceed 25, and not 40."""
    noon = clock.now.replace(hour=12)
    store(ledger, [Span(service="s3", cost=Decimal(1), start=noon - n * _DAY) for n in range(28)])
    watching = watch(_budget("25", budget_id="tight", thresholds=[]), _budget("40", thresholds=[], budget_id="wide"))

    assert _raised(watching) == [("forecast", Decimal(25))]
    state = read_budget(DailyCosts(ledger), _budget("25"), clock.now)
    assert (state.spent, state.status) == (Decimal(14), BudgetStatus.WARNING)
    assert state.runs_out_at == clock.now + 11 * _DAY


def test_without_history_nothing_is_forecast(ledger: Ledger, clock: Clock) -> None:
    """One day of spending is no rate to go by."""
    store(ledger, [Span(service="s3", cost=Decimal(1), start=clock.now)])

    state = read_budget(DailyCosts(ledger), _budget("25"), clock.now)

    assert (state.forecast, state.runs_out_at, state.status) == (None, None, BudgetStatus.OK)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_scope_counts_its_own_records(ledger: Ledger, clock: Clock, scope: Scope) -> None:
    """Another user, service, task or operation, and another currency, do not count."""
    mine = Span(service="v", operation="v", user="v", task="v", cost=Decimal(3), start=clock.now)
    other = Span(service="w", operation="w", user="w", task="w", cost=Decimal(4), start=clock.now)
    euros = Span(service="v", operation="v", user="v", task="v", cost=Decimal(9), start=clock.now, currency="EUR")
    store(ledger, [mine, other, euros])

    state = read_budget(
        DailyCosts(ledger), _budget(scope=scope, scope_value=None if scope is Scope.TOTAL else "v"), clock.now
    )

    assert state.spent == (7 if scope is Scope.TOTAL else 3)


def test_what_was_remembered_follows_what_arrives(ledger: Ledger, clock: Clock) -> None:
    """A late span of any day, in a calendar that is not UTC's, is in the next sum; so is a span sent twice, once."""
    costs = DailyCosts(ledger)
    budget = _budget("1000", period=BudgetPeriod.YEARLY, timezone="Asia/Taipei")
    midnight = datetime(2025, 12, 31, 16, tzinfo=UTC)  # the year begins in Taipei
    assert read_budget(costs, budget, clock.now).spent == 0
    inside = Span(service="s3", cost=Decimal(1), start=midnight)
    store(ledger, [inside, Span(service="s3", cost=Decimal(2), start=midnight - timedelta(microseconds=1))])
    assert read_budget(costs, budget, clock.now).spent == 1
    store(ledger, [inside, Span(service="s3", cost=Decimal(4), start=clock.now - 30 * _DAY)])
    assert read_budget(costs, budget, clock.now).spent == 5
    earlier = _budget("1000", period=BudgetPeriod.DAILY, timezone="Asia/Taipei")
    assert read_budget(costs, earlier, midnight - timedelta(hours=1)).spent == 2


def test_late_spans_of_the_period_before_still_count(
    ledger: Ledger, clock: Clock, watch: Callable[..., BudgetWatch]
) -> None:
    """What arrives after midnight for the day before brings that day to its threshold; a day later it is over."""
    budget = _budget("10", period=BudgetPeriod.DAILY, thresholds=[100], forecast_thresholds=[])
    clock.now = datetime(2026, 3, 15, 1, tzinfo=UTC)
    watching = watch(budget)
    store(ledger, [Span(service="s3", cost=Decimal(11), start=clock.now - 2 * timedelta(hours=1))])
    store(ledger, [Span(service="s3", cost=Decimal(11), start=clock.now - 2 * _DAY)])

    [alert] = watching.look()

    assert alert.period_start == datetime(2026, 3, 14, tzinfo=UTC)


def test_periods_before_the_first_watch_are_history(ledger: Ledger, clock: Clock) -> None:
    """Watched for the first time today, the ledger is not searched for budgets of yesterday."""
    clock.now = datetime.now(UTC)
    store(ledger, [Span(service="s3", cost=Decimal(11), start=clock.now - _DAY)])
    budget = _budget("10", period=BudgetPeriod.DAILY)
    watching = BudgetWatch(ledger, AlertConfiguration(budgets=(budget,)), DailyCosts(ledger), Progress(ledger), clock)

    assert [alert for alert in watching.look() if alert.kind.value == "budget"] == []


_AMOUNTS = st.decimals("0.000000000001", 10**6, places=12, allow_nan=False)
_PERCENTS = st.lists(st.decimals(1, 300, places=2).filter(lambda each: each > 0), max_size=5)


@given(_AMOUNTS, st.lists(_AMOUNTS, max_size=8), _PERCENTS)
def test_whatever_is_spent_each_threshold_comes_once_and_in_time(
    amount: Decimal, steps: list[Decimal], thresholds: list[Decimal]
) -> None:
    """Spending step by step raises exactly the thresholds that the sum has reached, each at the first step that did."""
    budget = _budget(str(amount), thresholds=thresholds, forecast_thresholds=[])
    now = datetime(2026, 3, 14, tzinfo=UTC)
    period = current_period(budget.period, now, budget.zone)
    spent, seen = Decimal(0), set[UUID]()
    for step in steps:
        spent += step
        state = BudgetState(budget, period, spent, None, None)
        found = {each.alert.alert_id for each in budget_findings(state, crossings(state), now, ())}
        assert seen <= found
        seen = found
    assert len(seen) == len({each for each in thresholds if spent * 100 >= each * amount})


@given(_AMOUNTS, _AMOUNTS, _AMOUNTS, _PERCENTS)
def test_a_forecast_says_nothing_of_what_is_spent(
    amount: Decimal, spent: Decimal, more: Decimal, thresholds: list[Decimal]
) -> None:
    """A threshold is expected or reached, never both."""
    budget = _budget(str(amount), thresholds=thresholds, forecast_thresholds=thresholds)
    now = datetime(2026, 3, 14, tzinfo=UTC)
    state = BudgetState(budget, current_period(budget.period, now, budget.zone), spent, spent + more, None)

    found = crossings(state)

    assert len({each.threshold for each in found}) == len(found)
    assert {each.threshold for each in found if each.measure is Measure.FORECAST} == {
        each for each in thresholds if spent * 100 < each * amount <= (spent + more) * 100
    }


def test_the_worst_comes_first() -> None:
    """Exceeded before warned before fine, and within each the one that is used most."""
    now = datetime(2026, 3, 14, tzinfo=UTC)

    def state(name: str, spent: int, expected: int | None = None) -> BudgetState:
        budget = _budget(budget_id=name)
        period = current_period(budget.period, now, budget.zone)
        return BudgetState(budget, period, Decimal(spent), None if expected is None else Decimal(expected), None)

    states = [state("ok", 10), state("soon", 55, 150), state("over", 101), state("half", 60), state("far over", 200)]

    assert [each.budget.budget_id for each in worst_first(states)] == ["far over", "over", "soon", "half", "ok"]


def test_budgets_of_requests_are_read_where_one_was_written(
    ledger: Ledger, clock: Clock, watch: Callable[..., BudgetWatch]
) -> None:
    """A look after which nobody wrote a budget asks for none, and one that is made then is looked at."""
    watching = watch()
    assert watching.look() == []
    with statements() as asked:
        assert watching.look() == []
    assert asked == []
    store(ledger, [Span(service="s3", cost=Decimal(60), start=clock.now)])

    write_setting(ledger, SettingKind.BUDGET, "b", BudgetDefinition(name="Team", amount=Decimal(100)))

    assert ("budget", Decimal(50)) in _raised(watching)

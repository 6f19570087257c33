"""Budgets that reach a threshold: each threshold once a period."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from spanledger.values import decimal_text
from spanledger_api.alerts.alert import Alert, alert_id, rounded_money
from spanledger_api.alerts.budgets import Crossing, Measure, crossings, read_budget
from spanledger_api.alerts.definitions import all_budgets
from spanledger_api.alerts.kinds import Kind, Severity
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.alerts.rule import chosen_channels
from spanledger_api.alerts.settings import SETTINGS
from spanledger_api.amounts import share
from spanledger_clickhouse.table_writes import Kept, TableWrites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from spanledger_api.alerts.budgets import BudgetState
    from spanledger_api.alerts.configuration import AlertConfiguration
    from spanledger_api.alerts.daily_costs import DailyCosts
    from spanledger_api.alerts.progress import Progress
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["BudgetWatch", "budget_findings"]

_LATE: Final = timedelta(days=1)
"""For so long after a period its late spans may still bring it to a threshold."""

_TENTH: Final = Decimal("0.1")
_ALMOST: Final = 80
_WHOLE: Final = 100


class BudgetWatch:
    """Looks at every budget; one works on a ledger at a time.

    Args:
        ledger: A ledger with the current schema.
        configuration: What the operator set up.
        costs: What days cost.
        progress: Since when the ledger is watched: periods that had ended by then are history.
        clock: The current time, aware.
        writes: Tells whether requests changed budgets; None looks at every call.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, and what it goes by
        self,
        ledger: Ledger,
        configuration: AlertConfiguration,
        costs: DailyCosts,
        progress: Progress,
        clock: Callable[[], datetime],
        writes: TableWrites | None = None,
    ) -> None:
        self._ledger = ledger
        self._configuration = configuration
        self._costs = costs
        self._progress = progress
        self._clock = clock
        self._budgets = Kept(writes or TableWrites(ledger), (SETTINGS,), partial(all_budgets, ledger, configuration))

    def look(self) -> list[Alert]:
        """Raise alerts for thresholds that are reached now, or late in the period before.

        Returns:
            The alerts that are new.

        Raises:
            ClickHouseError: The ledger does not answer; the next look makes up for it.
        """
        now = self._clock()
        names = self._configuration.channel_names
        findings: list[Finding] = []
        for budget in self._budgets.value():
            channels = chosen_channels(budget.channels, names)
            state = read_budget(self._costs, budget, now)
            findings += budget_findings(state, crossings(state), now, channels)
            start = state.period.start_instant
            if now - start < _LATE and self._progress.read_from < start:
                before = read_budget(self._costs, budget, start - timedelta(microseconds=1))
                spent = [each for each in crossings(before) if each.measure is Measure.ACTUAL]
                findings += budget_findings(before, spent, now, channels)
        return raise_alerts(self._ledger, findings)


def budget_findings(
    state: BudgetState, reached: Iterable[Crossing], now: datetime, channels: tuple[str, ...]
) -> list[Finding]:
    """What there is to say of a budget; of several thresholds reached, only the highest is sent.

    Args:
        state: How the budget stands.
        reached: The thresholds, the highest of each measure first.
        now: The current time, aware.
        channels: Who is told.
    """
    found: list[Finding] = []
    highest: dict[Measure, Crossing] = {}
    for each in reached:
        top = highest.setdefault(each.measure, each)
        silent = "" if top is each else f"{decimal_text(top.threshold)} % is reached too"
        found.append(Finding(_alert(state, each, now), channels, silent))
    return found


def _alert(state: BudgetState, crossing: Crossing, now: datetime) -> Alert:
    budget, period, threshold = state.budget, state.period, decimal_text(crossing.threshold)
    actual = crossing.measure is Measure.ACTUAL
    value = state.spent if actual or state.forecast is None else state.forecast
    # The amount is part of the key: a budget that was raised warns again.
    key = (budget.period, period.first.isoformat(), crossing.measure, threshold, decimal_text(budget.amount))
    return Alert(
        alert_id=alert_id(budget.budget_id, *key),
        rule_id=budget.budget_id,
        rule_name=budget.name,
        kind=Kind.BUDGET if actual else Kind.FORECAST,
        severity=_severity(crossing),
        occurred_at=now,
        detected_at=now,
        value=value,
        threshold=share(budget.amount * crossing.threshold, _WHOLE),
        currency=budget.currency,
        message_key="alert_budget" if actual else "alert_forecast",
        words={
            "budget": budget.name,
            "scope": budget.scope_value or budget.scope.value,
            "value": rounded_money(value, budget.currency),
            "amount": rounded_money(budget.amount, budget.currency),
            "share": decimal_text((share(value, budget.amount) * _WHOLE).quantize(_TENTH)),
            "threshold": threshold,
            ("period_start" if actual else "period_end"): (period.first if actual else period.end).isoformat(),
        },
        period_start=period.start_instant,
        period_end=period.end_instant,
        **budget.narrowed,
    )


def _severity(crossing: Crossing) -> Severity:
    if crossing.measure is Measure.ACTUAL and crossing.threshold >= _WHOLE:
        return Severity.CRITICAL
    return Severity.INFO if crossing.measure is Measure.ACTUAL and crossing.threshold < _ALMOST else Severity.WARNING

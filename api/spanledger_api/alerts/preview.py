"""What the rules and budgets of now would have raised in the past; nothing is written and nobody is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from string import Template
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from spanledger_api.alerts.anomalies import AnomalyWatch
from spanledger_api.alerts.budget_watch import budget_findings
from spanledger_api.alerts.budgets import budget_state, crossings
from spanledger_api.alerts.data_quality import DataQualityWatch
from spanledger_api.alerts.definitions import Definitions, all_budgets
from spanledger_api.alerts.kinds import RuleKind
from spanledger_api.alerts.operations import operation_alert, paid_operation
from spanledger_api.alerts.periods import current_period, instant_of
from spanledger_api.alerts.progress import Progress
from spanledger_api.filters import Where
from spanledger_api.grouping import Interval, within_local
from spanledger_api.rows import ask
from spanledger_api.rows import day as day_cell
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_api.times import nanoseconds_of
from spanledger_api.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spanledger.pricing import PriceBook
    from spanledger_api.alerts.alert import Alert
    from spanledger_api.alerts.alerting import Alerting
    from spanledger_api.alerts.budget import Budget
    from spanledger_api.alerts.rule import Rule
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["MOST_OPERATIONS", "preview"]

MOST_OPERATIONS: Final = 1000
"""Of operations only the dearest are shown."""

_DAY: Final = timedelta(days=1)
_OBSERVED: Final = timedelta(days=28)
_UTC: Final = ZoneInfo("UTC")
_BUSY: Final = Template("SELECT DISTINCT toDate32(started_at, 'UTC') AS day FROM $sums AS sums")
_DAILY: Final = Sums((), (Measure.RECORDS,), is_whole=within_local(Interval.DAY, _UTC))
_OPERATIONS: Final = Template("""
SELECT
    toString(record_id) AS record, execution_id, user_id, service, operation, total_cost, currency, task_type,
    toUnixTimestamp64Micro(started_at) AS started_us
FROM cost_records
WHERE total_cost > {lowest:Decimal(38, 12)} AND $where
ORDER BY total_cost DESC, record
LIMIT {most:UInt32}
""")


def preview(alerting: Alerting, ledger: Ledger, book: PriceBook, now: datetime, days: int) -> list[Alert]:
    """The alerts of the last days, the oldest first; of the price book only that of now.

    Args:
        alerting: What is set up.
        ledger: What is read.
        book: The price book.
        now: The current time, aware.
        days: How many days of UTC to look at, today being one of them.

    Raises:
        ClickHouseError: The ledger does not answer.
    """
    first = now.astimezone(UTC).date() - (days - 1) * _DAY
    each_day = [first + number * _DAY for number in range(days)]
    definitions = Definitions(ledger, alerting.configuration)
    rules = definitions.enabled_rules()
    found = [
        *_operations(ledger, [rule for rule in rules if rule.kind is RuleKind.OPERATION], first),
        *_days(ledger, definitions, each_day, book, now),
    ]
    for budget in all_budgets(ledger, alerting.configuration):
        found += _budget(alerting, budget, each_day, now)
    unique = {alert.alert_id: alert for alert in reversed(found)}
    return sorted(unique.values(), key=lambda alert: (alert.occurred_at, str(alert.alert_id)))


def _operations(ledger: Ledger, rules: Sequence[Rule], first: date) -> Iterable[Alert]:
    if not rules:
        return
    begin = datetime.combine(first, time(), UTC)
    where = Where.within(Window(nanoseconds_of(begin)))
    lowest = min(rule.limit for rule in rules)
    for row in ask(ledger, _OPERATIONS, where, lowest=lowest, most=MOST_OPERATIONS):
        record = paid_operation(row)
        yield from (operation_alert(rule, record, record.started_at) for rule in rules if record.exceeds(rule))


def _days(
    ledger: Ledger, definitions: Definitions, days: Sequence[date], book: PriceBook, now: datetime
) -> Iterable[Alert]:
    anomalies = AnomalyWatch(ledger, definitions, (), Progress(ledger), lambda: now)
    quality = DataQualityWatch(ledger, definitions, (), lambda: now, book)
    busy = _busy(ledger, days)
    for rule in definitions.enabled_rules():
        for day in busy:
            noticed = min(now, datetime.combine(day + _DAY, time(), UTC))
            if rule.kind is RuleKind.ANOMALY:
                yield from (finding.alert for finding in anomalies.findings(rule, day, noticed))
            elif rule.kind is RuleKind.UNPRICED and (alert := quality.unpriced(rule, day, noticed)):
                yield alert
        if rule.kind is RuleKind.PRICE_BOOK and (alert := quality.old_prices(rule, now)):
            yield alert


def _busy(ledger: Ledger, days: Sequence[date]) -> list[date]:
    """The days that have records: of the others no rule has anything to say, and each would be asked about."""
    begin, end = (nanoseconds_of(instant_of(day, _UTC)) for day in (days[0], days[-1] + _DAY))
    rows = ask_sums(ledger, _BUSY, Where.within(Window(begin, end)), _DAILY)
    return sorted(day_cell(row, "day") for row in rows)


def _budget(alerting: Alerting, budget: Budget, days: Sequence[date], now: datetime) -> Iterable[Alert]:
    """What each day would have raised at its end."""
    begin = current_period(budget.period, instant_of(days[0], budget.zone), budget.zone).first
    costs = alerting.costs.read(budget, min(begin, days[0] - _OBSERVED), days[-1] + 2 * _DAY)
    for day in days:
        moment = min(now, instant_of(day + _DAY, budget.zone) - timedelta(microseconds=1))
        known = {each: cost for each, cost in costs.items() if each <= day}
        state = budget_state(budget, moment, known)
        yield from (finding.alert for finding in budget_findings(state, crossings(state), moment, ()))

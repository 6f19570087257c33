"""Days on which a service or a user costs far more than such days usually do.

Today is compared as far as it has come with a whole day: it can only be unusual already, never look small because it is
not over. A day is looked at again on the morning after it, for what arrived late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from string import Template
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from spanledger_api.alerts.alert import Alert, alert_id, rounded_money
from spanledger_api.alerts.baseline import baseline
from spanledger_api.alerts.kinds import Kind, RuleKind
from spanledger_api.alerts.periods import instant_of
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.alerts.rule import AnomalySubject, chosen_channels
from spanledger_api.amounts import PLACES
from spanledger_api.filters import Dimension, Where
from spanledger_api.grouping import Interval, within_local
from spanledger_api.rows import amount, text
from spanledger_api.rows import day as day_cell
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_api.times import nanoseconds_of
from spanledger_api.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from spanledger_api.alerts.definitions import Definitions
    from spanledger_api.alerts.progress import Progress
    from spanledger_api.alerts.rule import Rule
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["AnomalyWatch"]

_HISTORY: Final = timedelta(days=56)
_DAY: Final = timedelta(days=1)
_MORNING: Final = timedelta(hours=6)
"""For so long a day that is over is still looked at."""

_MOST_SUBJECTS: Final = 500
_UTC: Final = ZoneInfo("UTC")

_DEAR: Final = Template("""
SELECT $subject AS subject, sum(sums.cost) AS cost
FROM $$sums AS sums
WHERE subject != ''
GROUP BY subject
HAVING cost >= {least:Decimal(76, 12)}
ORDER BY cost DESC, subject
LIMIT {most:UInt32}
""")
_DAYS: Final = Template("""
SELECT $subject AS subject, toDate32(started_at, 'UTC') AS day, sum(sums.cost) AS cost
FROM $$sums AS sums
WHERE subject IN {subjects:Array(String)}
GROUP BY subject, day
""")


@dataclass(frozen=True, slots=True)
class _Spending:
    subject: str
    cost: Decimal


class AnomalyWatch:
    """Compares days of UTC; one works on a ledger at a time.

    Only subjects that today cost more than the rule's least excess are compared, and what their days before cost is
    read once a day for each.

    Args:
        ledger: A ledger with the current schema.
        definitions: The rules.
        channels: Names of the channels there are.
        progress: Since when the ledger is watched.
        clock: The current time, aware.
    """

    def __init__(
        self,
        ledger: Ledger,
        definitions: Definitions,
        channels: Sequence[str],
        progress: Progress,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._definitions = definitions
        self._channels = channels
        self._progress = progress
        self._clock = clock
        self._histories: dict[tuple[AnomalySubject, str, date, str], dict[date, Decimal]] = {}

    def look(self) -> list[Alert]:
        """Raise alerts for today, and in the morning for yesterday.

        Returns:
            The alerts that are new.

        Raises:
            ClickHouseError: The ledger does not answer; the next look makes up for it.
        """
        now = self._clock().astimezone(UTC)
        rules = [rule for rule in self._definitions.enabled_rules() if rule.kind is RuleKind.ANOMALY]
        begun = instant_of(now.date(), _UTC)
        days = [now.date()]
        if now - begun < _MORNING and self._progress.read_from < begun:
            days.append(now.date() - _DAY)
        self._histories = {key: found for key, found in self._histories.items() if key[2] in days}
        findings = [finding for rule in rules for day in days for finding in self.findings(rule, day, now)]
        return raise_alerts(self._ledger, findings)

    def findings(self, rule: Rule, day: date, now: datetime) -> list[Finding]:
        """What a rule has to say of a day.

        Args:
            rule: A rule of anomalies.
            day: The day, of UTC.
            now: When it is noticed, aware.

        Raises:
            ClickHouseError: The ledger does not answer.
        """
        dear = self._dear(rule, day)
        self._remember(rule, day, [each.subject for each in dear])
        channels = chosen_channels(rule.channels, self._channels)
        found: list[Finding] = []
        for each in dear:
            usual = baseline(self._histories[rule.by, each.subject, day, rule.currency], day)
            if usual is None:
                continue
            bound = usual.bound(rule.limit, rule.min_amount, rule.min_percent)
            if each.cost > bound:
                found.append(Finding(_alert(rule, each, day, now, (usual.expected, bound)), channels))
        return found

    def _dear(self, rule: Rule, day: date) -> list[_Spending]:
        sql = Template(_DEAR.substitute(subject=rule.by.value))
        where = _where(rule, day, day + _DAY)
        sums = Sums((rule.by.value,), (Measure.COST,))
        rows = ask_sums(self._ledger, sql, where, sums, least=rule.min_amount, most=_MOST_SUBJECTS)
        return [_Spending(text(row, "subject"), amount(row, "cost")) for row in rows]

    def _remember(self, rule: Rule, day: date, subjects: list[str]) -> None:
        missing = [each for each in subjects if (rule.by, each, day, rule.currency) not in self._histories]
        if not missing:
            return
        sql = Template(_DAYS.substitute(subject=rule.by.value))
        where = _where(rule, day - _HISTORY, day)
        found: dict[str, dict[date, Decimal]] = {each: {} for each in missing}
        sums = Sums((rule.by.value,), (Measure.COST,), is_whole=within_local(Interval.DAY, _UTC))
        for row in ask_sums(self._ledger, sql, where, sums, subjects=missing):
            found[text(row, "subject")][day_cell(row, "day")] = amount(row, "cost")
        for subject, history in found.items():
            self._histories[rule.by, subject, day, rule.currency] = history


def _where(rule: Rule, first: date, end: date) -> Where:
    start, stop = (max(0, nanoseconds_of(instant_of(each, _UTC))) for each in (first, end))
    return Where.within(Window(start, stop)).equal(Dimension.CURRENCY, rule.currency)


def _alert(rule: Rule, found: _Spending, day: date, now: datetime, usual: tuple[Decimal, Decimal]) -> Alert:
    expected, bound = usual
    start = instant_of(day, _UTC)
    return Alert(
        alert_id=alert_id(rule.rule_id, rule.by, found.subject, day.isoformat()),
        rule_id=rule.rule_id,
        rule_name=rule.name,
        kind=Kind.ANOMALY,
        severity=rule.severity,
        occurred_at=min(now, start + _DAY),
        detected_at=now,
        value=found.cost,
        threshold=bound.quantize(PLACES),
        currency=rule.currency,
        message_key="alert_anomaly",
        words={
            "subject": found.subject,
            "value": rounded_money(found.cost, rule.currency),
            "day": day.isoformat(),
            "expected": rounded_money(expected.quantize(PLACES), rule.currency),
            "threshold": rounded_money(bound.quantize(PLACES), rule.currency),
        },
        period_start=start,
        period_end=start + _DAY,
        **{rule.by.value: found.subject},
    )

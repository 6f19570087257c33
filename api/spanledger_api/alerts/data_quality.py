"""What makes amounts doubtful: a price book that has grown old, and records that nothing could price."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from spanledger.pricing import catalogue
from spanledger.values import decimal_text
from spanledger_api.alerts.alert import Alert, alert_id
from spanledger_api.alerts.kinds import Kind, RuleKind
from spanledger_api.alerts.periods import instant_of
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.alerts.rule import chosen_channels
from spanledger_api.amounts import share
from spanledger_api.filters import Where
from spanledger_api.rows import integer
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_api.times import nanoseconds_of
from spanledger_api.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spanledger.pricing import PriceBook
    from spanledger_api.alerts.definitions import Definitions
    from spanledger_api.alerts.rule import Rule
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["DataQualityWatch", "newest_price_day"]

_UTC: Final = ZoneInfo("UTC")
_HUNDRED: Final = 100
_TENTH: Final = Decimal("0.1")
_COUNTS: Final = Template("""
SELECT sum(sums.records) AS records, sum(sums.unpriced) AS unpriced FROM $sums AS sums
""")
_SUMS: Final = Sums((), (Measure.RECORDS, Measure.UNPRICED))


class DataQualityWatch:
    """Looks at the price book and at the records of the day, in UTC; one works on a ledger at a time.

    Args:
        ledger: A ledger with the current schema.
        definitions: The rules.
        channels: Names of the channels there are.
        clock: The current time, aware.
        book: The price book.
    """

    def __init__(
        self,
        ledger: Ledger,
        definitions: Definitions,
        channels: Sequence[str],
        clock: Callable[[], datetime],
        book: PriceBook,
    ) -> None:
        self._ledger = ledger
        self._definitions = definitions
        self._channels = channels
        self._clock = clock
        self._book = book

    def look(self) -> list[Alert]:
        """Raise alerts; for each newest price once, and for each day once.

        Returns:
            The alerts that are new.

        Raises:
            ClickHouseError: The ledger does not answer; the next look makes up for it.
        """
        now = self._clock().astimezone(UTC)
        findings: list[Finding] = []
        for rule in self._definitions.enabled_rules():
            match rule.kind:
                case RuleKind.PRICE_BOOK:
                    alert = self.old_prices(rule, now)
                case RuleKind.UNPRICED:
                    alert = self.unpriced(rule, now.date(), now)
                case _:
                    continue
            if alert is not None:
                findings.append(Finding(alert, chosen_channels(rule.channels, self._channels)))
        return raise_alerts(self._ledger, findings)

    def old_prices(self, rule: Rule, now: datetime) -> Alert | None:
        """What a rule has to say of the price book; None for nothing."""
        newest = newest_price_day(self._book, now.date())
        age = Decimal((now.date() - newest).days) if newest else None
        if newest is None or age is None or age <= rule.limit:
            return None
        words = {
            "age": decimal_text(age),
            "newest": newest.isoformat(),
            "threshold": decimal_text(rule.limit),
        }
        return _alert(rule, Kind.PRICE_BOOK, now, (newest.isoformat(),), age, words)

    def unpriced(self, rule: Rule, day: date, now: datetime) -> Alert | None:
        """What a rule has to say of a day's records; None for nothing.

        Args:
            rule: A rule of unpriced records.
            day: The day, of UTC.
            now: When it is noticed, aware.

        Raises:
            ClickHouseError: The ledger does not answer.
        """
        start, end = (instant_of(day + timedelta(days=number), _UTC) for number in (0, 1))
        where = Where.within(Window(nanoseconds_of(start), nanoseconds_of(end)))
        [row] = ask_sums(self._ledger, _COUNTS, where, _SUMS)
        records, unpriced = integer(row, "records"), integer(row, "unpriced")
        percent = (share(unpriced, records) * _HUNDRED).quantize(_TENTH)
        if records < rule.min_records or unpriced * _HUNDRED <= rule.limit * records:
            return None
        words = {
            "count": str(unpriced),
            "records": str(records),
            "since": start.date().isoformat(),
            "share": decimal_text(percent),
            "threshold": decimal_text(rule.limit),
        }
        return _alert(rule, Kind.UNPRICED, now, (day.isoformat(),), percent, words, (start, end))


def newest_price_day(book: PriceBook, today: date) -> date | None:
    """The newest day, today at most, on which a price of the book or of the catalogue took effect; None without any."""
    days = [*(row.effective_from for row in book.rows()), catalogue.newest_day(today)]
    return max((day for day in days if day is not None and day <= today), default=None)


def _alert(  # noqa: PLR0913, PLR0917 - each is a part of the alert
    rule: Rule,
    kind: Kind,
    now: datetime,
    key: tuple[str, ...],
    value: Decimal,
    words: dict[str, str],
    period: tuple[datetime, datetime] | None = None,
) -> Alert:
    return Alert(
        alert_id=alert_id(rule.rule_id, *key),
        rule_id=rule.rule_id,
        rule_name=rule.name,
        kind=kind,
        severity=rule.severity,
        occurred_at=now,
        detected_at=now,
        value=value,
        threshold=rule.limit,
        currency="",
        message_key=f"alert_{kind}",
        words=words,
        period_start=period[0] if period else None,
        period_end=period[1] if period else None,
    )

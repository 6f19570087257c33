"""Unusual spend, an old price book and records without a price, over the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.pricing import PriceBook, catalogue
from spanledger_api.alerts.anomalies import AnomalyWatch
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.data_quality import DataQualityWatch, newest_price_day
from spanledger_api.alerts.definitions import Definitions
from spanledger_api.alerts.kinds import Origin, RuleKind
from spanledger_api.alerts.progress import Progress
from spanledger_api.alerts.rule import AnomalySubject, Rule
from spanledger_api.messages import Locale
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger
    from tests.api.alerts.conftest import Clock

_DAY = timedelta(days=1)
_RULES = tuple(
    Rule(rule_id=by.value, name="Unusual", kind=RuleKind.ANOMALY, by=by, origin=Origin.FILE) for by in AnomalySubject
)


@pytest.fixture
def watch(ledger: Ledger, clock: Clock) -> Callable[[], AnomalyWatch]:
    """Starts a watch on a ledger that has been watched for a year."""
    begun = """
    INSERT INTO alert_progress (name, read_from, read_until) SELECT 'operations', {t:DateTime64(3)}, {t:DateTime64(3)}
    """

    def start() -> AnomalyWatch:
        ledger.command(begun, {"t": clock.now - 365 * _DAY})
        definitions = Definitions(ledger, AlertConfiguration(_RULES))
        return AnomalyWatch(ledger, definitions, ("slack",), Progress(ledger), clock)

    return start


def _history(now: datetime, days: int, cost: str = "10") -> list[Span]:
    starts = (now.replace(hour=1) - number * _DAY for number in range(1, days + 1))
    return [Span(service="s3", user="u", cost=Decimal(cost), start=start) for start in starts]


def test_a_day_far_above_its_like_is_noticed_once(
    ledger: Ledger, clock: Clock, watch: Callable[[], AnomalyWatch]
) -> None:
    """As soon as today exceeds the bound, for the service and for the user, and once for each however it goes on."""
    store(ledger, [*_history(clock.now, 28), Span(service="s3", user="u", cost=Decimal(15), start=clock.now)])
    watching = watch()
    assert watching.look() == []
    store(ledger, [Span(service="s3", user="u", cost=Decimal("0.000000000001"), start=clock.now)])

    found = watching.look()

    assert [(alert.service, alert.user_id) for alert in found] == [("s3", ""), ("", "u")]
    assert found[0].message(Locale.ENGLISH) == (
        "Unusual spend: s3 cost $15 on 2026-03-14, where $10 is usual; above $15 is unusual."
    )
    store(ledger, [Span(service="s3", user="u", cost=Decimal(50), start=clock.now)])
    assert [*watching.look(), *watch().look()] == []


def test_a_day_that_has_just_begun_is_not_unusually_cheap_or_dear(
    ledger: Ledger, clock: Clock, watch: Callable[[], AnomalyWatch]
) -> None:
    """Nothing is extrapolated: a tenth of the day with half of its cost is no alert."""
    clock.now = clock.now.replace(hour=2)
    store(ledger, [*_history(clock.now, 28), Span(service="s3", user="u", cost=Decimal(6), start=clock.now)])

    assert watch().look() == []


def test_thirteen_days_are_no_history(ledger: Ledger, clock: Clock, watch: Callable[[], AnomalyWatch]) -> None:
    """What is new is not unusual; a day later there are fourteen."""
    store(ledger, [*_history(clock.now, 13), Span(service="s3", user="u", cost=Decimal(500), start=clock.now)])
    watching = watch()
    assert watching.look() == []

    clock.now += _DAY
    store(ledger, [Span(service="s3", user="u", cost=Decimal(500), start=clock.now)])
    assert len(watching.look()) == 2


def test_yesterday_is_looked_at_again_in_the_morning(
    ledger: Ledger, clock: Clock, watch: Callable[[], AnomalyWatch]
) -> None:
    """What arrived late for yesterday is noticed until six; by noon yesterday is history."""
    late = Span(service="s3", cost=Decimal(500), start=clock.now - _DAY)
    store(ledger, [*_history(clock.now, 28), late])
    clock.now = clock.now.replace(hour=12)
    assert watch().look() == []

    clock.now = clock.now.replace(hour=5)
    [alert] = watch().look()
    assert alert.period_start == datetime(2026, 3, 13, tzinfo=UTC)


def _quality(ledger: Ledger, clock: Clock, rule: Rule) -> DataQualityWatch:
    definitions = Definitions(ledger, AlertConfiguration((rule,)))
    return DataQualityWatch(ledger, definitions, ("slack",), clock, PriceBook.built_in())


def test_an_old_price_book_is_noticed_once(ledger: Ledger, clock: Clock) -> None:
    """Its age is that of the newest price that holds already; a price to come makes it no younger."""
    newest = newest_price_day(PriceBook.built_in(), clock.now.date())
    assert newest is not None
    assert newest <= clock.now.date()
    age = (clock.now.date() - newest).days
    rule = Rule(rule_id="r", name="Old", kind=RuleKind.PRICE_BOOK, threshold=Decimal(age), origin=Origin.FILE)
    watching = _quality(ledger, clock, rule)
    assert watching.look() == []

    clock.now += _DAY
    [alert] = watching.look()
    assert alert.value == age + 1
    assert newest.isoformat() in alert.message(Locale.TRADITIONAL_CHINESE)
    clock.now += _DAY
    assert watching.look() == []


def test_the_catalogue_counts_as_prices() -> None:
    """A catalogue with younger prices than the book's own makes the book younger."""
    today = datetime(2026, 3, 14, tzinfo=UTC).date()
    youngest = catalogue.newest_day(today)

    assert youngest is not None
    assert youngest <= today
    found = newest_price_day(PriceBook.built_in(), today)
    assert found is not None
    assert found >= youngest


def test_too_many_records_without_a_price_are_noticed_once_a_day(ledger: Ledger, clock: Clock) -> None:
    """Exactly the limit is not above it, and few records say nothing."""
    rule = Rule(
        rule_id="r", name="Unpriced", kind=RuleKind.UNPRICED, threshold=Decimal(25), min_records=8, origin=Origin.FILE
    )
    watching = _quality(ledger, clock, rule)
    unpriced = [Span(service="s3", source="unpriced", start=clock.now) for _ in range(3)]
    store(ledger, [*unpriced[:2], Span(service="s3", cost=Decimal(1), start=clock.now)])
    assert watching.look() == []
    store(ledger, [Span(service="s3", cost=Decimal(1), start=clock.now) for _ in range(5)])
    assert watching.look() == []

    store(ledger, unpriced[2:])
    [alert] = watching.look()

    assert alert.value == Decimal("33.3")
    assert "3 of 9 records" in alert.message(Locale.ENGLISH)
    assert watching.look() == []

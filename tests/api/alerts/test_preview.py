"""Previews: what would have been raised, without raising it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from spanledger.pricing import PriceBook
from spanledger_api.alerts.alerting import Alerting
from spanledger_api.alerts.budget import Budget
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.daily_costs import DailyCosts
from spanledger_api.alerts.kinds import Origin, RuleKind
from spanledger_api.alerts.preview import preview
from spanledger_api.alerts.rule import Rule
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger
    from tests.api.alerts.conftest import Clock

_DAY = timedelta(days=1)


def test_the_past_is_told_and_stays_untouched(ledger: Ledger, clock: Clock) -> None:
    """Operations, unusual days, budgets on the day that brought them there; and the ledger has no alert after it."""
    noon = clock.now.replace(hour=12)
    steady = [Span(service="s3", cost=Decimal("0.5"), start=noon - number * _DAY) for number in range(40)]
    spike = Span(service="s3", operation="big", cost=Decimal(30), start=noon - 3 * _DAY)
    old = Span(service="s3", operation="old", cost=Decimal(90), start=noon - 30 * _DAY)
    store(ledger, [*steady, spike, old])
    configuration = AlertConfiguration(
        rules=(
            Rule(rule_id="dear", name="Dear", kind=RuleKind.OPERATION, origin=Origin.FILE),
            Rule(rule_id="odd", name="Odd", kind=RuleKind.ANOMALY, origin=Origin.FILE),
        ),
        budgets=(Budget(budget_id="b", name="All", amount=Decimal(34), forecast_thresholds=[], origin=Origin.FILE),),
    )
    alerting = Alerting(ledger, configuration, DailyCosts(ledger))

    found = preview(alerting, ledger, PriceBook.built_in(), clock.now, 30)

    day = (noon - 3 * _DAY).date()
    assert [alert.occurred_at.date() for alert in found if alert.rule_id == "dear"] == [day]
    assert {alert.threshold: alert.occurred_at.date() for alert in found if alert.rule_id == "b"} == {
        **dict.fromkeys((Decimal(17), Decimal("27.2"), Decimal(34)), day),
    }
    assert [alert.service for alert in found if alert.rule_id == "odd"] == ["s3"]
    assert ledger.query("SELECT count() AS alerts FROM alerts") == [{"alerts": 0}]


def test_a_day_on_which_nothing_was_paid_is_looked_at(ledger: Ledger, clock: Clock) -> None:
    """Records that nothing could price are told of too, for the day that has them and no other."""
    noon = clock.now.replace(hour=12)
    store(ledger, [Span(service="s3", source="unpriced", start=noon - 5 * _DAY) for _ in range(2)])
    rule = Rule(rule_id="unpriced", name="Unpriced", kind=RuleKind.UNPRICED, min_records=2, origin=Origin.FILE)
    alerting = Alerting(ledger, AlertConfiguration(rules=(rule,)), DailyCosts(ledger))

    found = preview(alerting, ledger, PriceBook.built_in(), clock.now, 30)

    assert [alert.period_start for alert in found] == [(noon - 5 * _DAY).replace(hour=0, minute=0, second=0)]

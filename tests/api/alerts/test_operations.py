"""Expensive operations: each noticed once, however it arrives and whoever priced it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.pricing import Calculator, PriceBook
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.definitions import Definitions
from spanledger_api.alerts.kinds import Origin, RuleKind
from spanledger_api.alerts.operations import OperationWatch
from spanledger_api.alerts.progress import Progress
from spanledger_api.alerts.rule import Rule, RuleDefinition
from spanledger_api.alerts.settings import SettingKind, write_setting
from spanledger_api.alerts.watching import alert_steps
from spanledger_api.messages import Locale
from spanledger_clickhouse.rating import Rater
from spanledger_clickhouse.record_versions import ROUND
from tests.api.spans import Span, store
from tests.statements import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_api.alerts.alert import Alert
    from spanledger_clickhouse.ledger import Ledger

    Watch = Callable[..., OperationWatch]

RULE = Rule(rule_id="r", name="Expensive", kind=RuleKind.OPERATION, origin=Origin.FILE)


@pytest.fixture
def watch(ledger: Ledger) -> Watch:
    """Starts a watch of some rules, as a process would that has just begun."""

    def start(*rules: Rule) -> OperationWatch:
        progress = Progress(ledger)
        assert progress.read_from <= datetime.now(UTC)
        return OperationWatch(ledger, Definitions(ledger, AlertConfiguration(rules or (RULE,))), ("hook",), progress)

    return start


def _values(alerts: list[Alert]) -> list[Decimal]:
    return sorted(alert.value for alert in alerts)


def test_what_was_written_after_a_look_is_found_also_once_it_is_merged(ledger: Ledger, watch: Watch) -> None:
    """A row that a merge has put beside older ones is still new to the next look, and to no other."""
    watching = watch()
    store(ledger, [Span(service="openai", cost=Decimal(2))])
    assert _values(watching.look()) == [Decimal(2)]
    store(ledger, [Span(service="openai", cost=Decimal(3))])
    ledger.command("OPTIMIZE TABLE cost_records_local FINAL")

    assert _values(watching.look()) == [Decimal(3)]
    assert watching.look() == []


def test_only_what_is_above_the_threshold_is_noticed(ledger: Ledger, watch: Watch) -> None:
    """Exactly one dollar is not above one dollar, and other currencies are no dollars."""
    watching = watch()
    costs = ("0.999999999999", "1", "1.000000000001")
    store(ledger, [Span(service="openai", cost=Decimal(cost)) for cost in costs])
    store(ledger, [Span(service="openai", cost=Decimal(9), currency="EUR")])

    assert _values(watching.look()) == [Decimal("1.000000000001")]


def test_the_alert_says_whose_it_is(ledger: Ledger, watch: Watch) -> None:
    """It carries the numbers, and everything that leads back to the record, in both languages."""
    watching = watch()
    store(ledger, [Span(service="openai", operation="op", cost=Decimal("2.5"), user="u", execution="e", task="t")])

    [alert] = watching.look()

    [record] = ledger.query("SELECT toString(record_id) AS id FROM cost_records")
    assert alert.record_id == record["id"]
    assert (alert.service, alert.operation, alert.user_id, alert.execution_id, alert.task_type) == (
        *("openai", "op", "u", "e", "t"),
    )
    assert (alert.value, alert.threshold) == (Decimal("2.5"), Decimal(1))
    english, chinese = (alert.message(locale) for locale in Locale)
    assert english == "Expensive operation: op of openai cost $2.5, above $1. User: u, execution: e."
    assert "高成本操作: op" in chinese
    assert "$2.5" in chinese


def test_repeats_late_spans_and_wrong_clocks_change_nothing(ledger: Ledger, watch: Watch) -> None:
    """A span sent twice is one event; one of last year or of tomorrow is noticed like any other."""
    watching = watch()
    span = Span(service="s3", cost=Decimal(2))
    store(ledger, [span])
    first = watching.look()
    store(ledger, [span])
    odd = (datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1), datetime(2200, 1, 1, tzinfo=UTC))
    store(ledger, [Span(service="s3", cost=Decimal(3), start=start) for start in odd])

    second = watching.look()

    assert [*_values(first), *_values(second)] == [2, 3, 3, 3]
    assert watching.look() == []


def test_history_raises_nothing(ledger: Ledger, watch: Watch) -> None:
    """A ledger that nobody watched yet is watched from now on, also by the processes that come after."""
    store(ledger, [Span(service="s3", cost=Decimal(5))])

    assert watch().look() == []
    assert watch().look() == []


def test_a_watch_that_was_killed_misses_nothing(ledger: Ledger, watch: Watch) -> None:
    """What arrives while nobody watches is noticed by the next watch, and what was noticed before is not again."""
    watching = watch()
    store(ledger, [Span(service="s3", cost=Decimal(2))])
    watching.look()
    store(ledger, [Span(service="s3", cost=Decimal(3))])

    assert _values(watch().look()) == [3]
    assert ledger.query("SELECT count() AS alerts FROM alerts")[0]["alerts"] == 2


def test_an_amount_of_the_rater_counts_too(ledger: Ledger, watch: Watch) -> None:
    """A span without an amount is noticed once it has been priced, long after it was first looked at."""
    watching = watch()
    store(ledger, [Span(service="google_video_ai", source="", quantity=Decimal(20), unit="minutes")])
    assert watching.look() == []

    assert Rater(ledger, Calculator(PriceBook.built_in())).rate_pending() == 1

    [alert] = watching.look()
    assert alert.value == 2


def test_rules_narrow_and_disabled_ones_are_silent(ledger: Ledger, watch: Watch) -> None:
    """Two rules that want to hear of a record raise an alert each."""
    narrow = RULE.model_copy(update={"rule_id": "n", "threshold": Decimal("0.1"), "user_id": "u"})
    off = RULE.model_copy(update={"rule_id": "off", "enabled": False})
    watching = watch(RULE, narrow, off)
    store(ledger, [Span(service="s3", cost=Decimal("0.5"), user=user) for user in ("u", "v")])
    store(ledger, [Span(service="s3", cost=Decimal(2), user="u")])

    found = watching.look()

    assert sorted((alert.rule_id, alert.value) for alert in found) == [
        *(("n", Decimal("0.5")), ("n", Decimal(2)), ("r", Decimal(2))),
    ]


def test_re_pricing_history_raises_nothing(ledger: Ledger, watch: Watch) -> None:
    """Somebody has looked at a re-pricing before it was made; a thousand alerts of last year would tell nothing new."""
    store(ledger, [Span(service="s3", cost=Decimal("0.5"))])
    watching = watch()
    watching.look()
    repriced = (
        "SELECT * REPLACE (toDecimal128('5', 12) AS total_cost, {version:Int64} AS version) FROM cost_records_local"
    )
    ledger.command(f"INSERT INTO cost_records_local {repriced}", {"version": ROUND})
    assert ledger.query("SELECT total_cost FROM cost_records") == [{"total_cost": Decimal(5)}]

    assert watching.look() == []


def test_what_arrives_before_the_first_look_is_noticed(ledger: Ledger) -> None:
    """The watch begins when its steps are made, which is before anything can arrive, however late its thread runs."""
    steps = {name: step for name, step, _ in alert_steps(ledger, AlertConfiguration((RULE,)), PriceBook.built_in())}
    store(ledger, [Span(service="s3", cost=Decimal(2))])

    steps["alerts-operations"]()

    assert ledger.query("SELECT count() AS alerts FROM alerts") == [{"alerts": 1}]


def test_while_nothing_is_written_nothing_is_read(ledger: Ledger, watch: Watch) -> None:
    """A look after which no record and no rule was written asks for neither; a rule that is made then holds at once."""
    watching = watch()
    store(ledger, [Span(service="s3", cost=Decimal("0.5"))])
    assert watching.look() == []
    with statements() as asked:
        assert watching.look() == []
    assert asked == []

    write_setting(
        ledger, SettingKind.RULE, "n", RuleDefinition(name="n", kind=RuleKind.OPERATION, threshold=Decimal(0))
    )

    assert _values(watching.look()) == [Decimal("0.5")]

"""``spanledger alerts`` and ``spanledger report budget`` against an API that really serves."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from spanledger import environment
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.app import create_app
from spanledger_api.command_line import alerts, report
from spanledger_api.command_line.api_client import send
from spanledger_api.http_server import HttpServer
from tests.api.alerts.conftest import an_alert
from tests.api.alerts.receiver import Answer, Receiver, always
from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """What the webhook leads to."""
    with Receiver() as serving:
        yield serving


@pytest.fixture
def api(ledger: Ledger, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an API with a channel, over a ledger with an alert."""
    monkeypatch.setenv(environment.ALERT_WEBHOOK_URL, receiver.url)
    raise_alerts(ledger, [Finding(an_alert(), ("webhook",))])
    store(ledger, [Span(service="openai", operation="op", cost=Decimal(5), start=NOW)])
    with HttpServer(create_app(ledger, clock=lambda: NOW), "127.0.0.1", 0) as server:
        yield server.url


def _alerts(api: str, *arguments: str) -> Result:
    return CliRunner().invoke(alerts.command, ["--api", api, *arguments])


def test_alerts_are_printed_and_acknowledged(api: str) -> None:
    """A table for people, the API's JSON for programs; what was acknowledged is not open any more."""
    shown = _alerts(api, "list", "--status", "open")
    assert shown.exit_code == 0
    assert "webhook pending" in shown.stdout

    [row] = json.loads(_alerts(api, "list", "--json").stdout)
    assert _alerts(api, "ack", row["alert_id"]).exit_code == 0

    assert "none" in _alerts(api, "list", "--status", "open").stderr
    assert json.loads(_alerts(api, "list", "--status", "acknowledged", "--json").stdout)[0]["acknowledged_by"]


def test_rules_and_previews_are_printed(api: str) -> None:
    """The rules that always hold, and what they would have raised."""
    assert "unusual-spend-user" in _alerts(api, "rules").stdout

    found = _alerts(api, "preview", "--days", "7")
    assert "op of openai cost $5, above $1" in found.stdout
    assert "alerts in 7 days" in found.stderr


def test_a_channel_that_fails_fails_the_command(api: str, receiver: Receiver) -> None:
    """So that a deployment's check notices."""
    assert _alerts(api, "test").exit_code == 0
    assert len(receiver.received) == 1

    receiver.answer = always(Answer(403))
    failed = _alerts(api, "test", "--channel", "webhook", "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)[0]["status"] == "failed"


def test_alerts_are_muted(api: str) -> None:
    """For some hours, with the end of it shown."""
    made = json.loads(_alerts(api, "mute", "--service", "openai", "--hours", "2", "--json").stdout)

    assert made["service"] == "openai"
    assert made["until"].endswith("Z")


def test_a_broken_budget_fails_a_check(api: str) -> None:
    """Printing is one thing; with --check an exceeded budget exits with 3 and is named."""
    runner = CliRunner(env={environment.API_URL: api})
    assert "There are no budgets" in runner.invoke(report.command, ["budget", "--check"]).stderr
    send("POST", api, "/api/budgets", body={"name": "All", "amount": 5})
    assert runner.invoke(report.command, ["budget", "--check"]).exit_code == 0
    send("POST", api, "/api/budgets", body={"name": "Team", "amount": 4})

    checked = runner.invoke(report.command, ["budget", "--check"])

    assert checked.exit_code == 3
    assert "exceeded" in checked.stdout
    assert "Exceeded: Team." in checked.stderr
    assert runner.invoke(report.command, ["budget"]).exit_code == 0
    assert json.loads(runner.invoke(report.command, ["budget", "--json"]).stdout)[0]["name"] == "Team"

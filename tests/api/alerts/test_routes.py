"""Alerts and budgets over HTTP: what is shown, who may change it, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from spanledger import environment
from spanledger_api.alerts.kinds import Kind, Severity
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.app import create_app
from spanledger_api.messages import Locale
from tests.api.alerts.conftest import an_alert
from tests.api.alerts.receiver import Answer, Receiver, always
from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

_FILE = """
[[channel]]
name = "hook"
kind = "webhook"
url = "env:HOOK"
secret = "env:HOOK_SECRET"

[[rule]]
id = "videos"
kind = "operation"
service = "google_video_ai"
threshold = 2

[[budget]]
id = "openai-month"
scope = "service"
scope_value = "openai"
amount = 10
"""


@pytest.fixture
def client(ledger: Ledger, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A client of an app with a rule, a budget and a channel of the operator's."""
    path = tmp_path / "alerts.toml"
    path.write_text(_FILE)
    for name, value in ((environment.ALERTS, str(path)), ("HOOK", f"{receiver.url}/T0p"), ("HOOK_SECRET", "s3cret")):
        monkeypatch.setenv(name, value)
    return TestClient(create_app(ledger, clock=lambda: NOW), raise_server_exceptions=False)


def _json(client: TestClient, path: str, **parameters: str | int) -> Any:  # noqa: ANN401 - any JSON
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text, parse_float=Decimal)


def test_alerts_are_listed_with_their_notices(ledger: Ledger, client: TestClient) -> None:
    """The newest first, in pages, each with its numbers, its links and what became of its notices."""
    later = NOW.replace(hour=13)
    raise_alerts(
        ledger,
        [
            Finding(an_alert(1), ("hook",)),
            Finding(an_alert(2, detected_at=later, kind=Kind.ANOMALY, severity=Severity.CRITICAL, rule_id="u")),
        ],
    )

    newest, oldest = _json(client, "/api/alerts")

    assert (newest["detected_at"], oldest["detected_at"]) == ("2026-03-14T13:09:26Z", "2026-03-14T12:00:00Z")
    assert oldest == {
        "alert_id": str(an_alert(1).alert_id),
        "rule_id": "operation-cost",
        "rule_name": "Expensive operation",
        "kind": "operation",
        "severity": "warning",
        "status": "open",
        "message": an_alert(1).message(Locale.ENGLISH),
        "occurred_at": "2026-03-14T12:00:00Z",
        "detected_at": "2026-03-14T12:00:00Z",
        "service": "openai",
        "user_id": "user-1",
        "operation": "gpt-4_video_title",
        "task_type": None,
        "execution_id": "execution-1",
        "record_id": "record-1",
        "value": Decimal("1.5"),
        "threshold": 1,
        "currency": "USD",
        "period_start": None,
        "period_end": None,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "deliveries": [
            {
                "channel": "hook",
                "status": "pending",
                "attempts": 0,
                "delivered_at": None,
                "error": None,
                "notice_id": None,
            },
        ],
    }
    assert _json(client, "/api/alerts", kind="anomaly", severity="critical", ruleId="u") == [newest]
    assert _json(client, "/api/alerts", to="2026-03-14T12:30:00Z") == [oldest]
    assert _json(client, "/api/alerts", **{"from": "2026-03-14T12:30:00Z"}) == [newest]
    first_page = client.get("/api/alerts", params={"limit": 1})
    assert 'offset=1>; rel="next"' in first_page.headers["Link"].replace("limit=1&", "")
    assert _json(client, f"/api/alerts/{oldest['alert_id']}") == oldest
    chinese = client.get(f"/api/alerts/{oldest['alert_id']}", headers={"Accept-Language": "zh-TW"})
    assert "高成本操作" in chinese.json()["message"]


def test_an_alert_is_acknowledged_once(ledger: Ledger, client: TestClient) -> None:
    """Who was first stays; what is not there cannot be acknowledged."""
    raise_alerts(ledger, [Finding(an_alert(1)), Finding(an_alert(2))])
    path = f"/api/alerts/{an_alert(1).alert_id}/acknowledge"

    first, second = client.post(path), client.post(path)

    assert first.json()["status"] == "acknowledged"
    assert first.json()["acknowledged_at"] == "2026-03-14T15:09:26Z"
    assert first.json() == second.json()
    assert [row["alert_id"] for row in _json(client, "/api/alerts", status="open")] == [str(an_alert(2).alert_id)]
    assert [row["alert_id"] for row in _json(client, "/api/alerts", status="acknowledged")] == [
        str(an_alert(1).alert_id)
    ]
    assert client.post(f"/api/alerts/{an_alert(9).alert_id}/acknowledge").status_code == 404
    assert client.post("/api/alerts/nonsense/acknowledge").status_code == 422
    audit = _json(client, "/api/audit")
    assert [(entry["action"], entry["subject"]) for entry in audit] == [
        ("request.answered", "POST /api/alerts/{alert_id}/acknowledge"),  # the second, which changed nothing
        ("alert.acknowledged", str(an_alert(1).alert_id)),
    ]


def test_an_alert_of_a_period_resolves_when_it_ends(ledger: Ledger, client: TestClient) -> None:
    """A budget's alert is over with the budget's period; an unusual day stays open until somebody looks at it."""
    ended = {"period_start": NOW.replace(day=13), "period_end": NOW}
    raise_alerts(
        ledger,
        [
            Finding(an_alert(1, kind=Kind.BUDGET, **ended)),
            Finding(an_alert(2, kind=Kind.BUDGET, period_start=NOW, period_end=NOW + timedelta(seconds=1))),
            Finding(an_alert(3, kind=Kind.ANOMALY, **ended)),
        ],
    )

    found = {row["record_id"]: row["status"] for row in _json(client, "/api/alerts")}

    assert found == {"record-1": "resolved", "record-2": "open", "record-3": "open"}


def test_rules_are_made_changed_and_removed(client: TestClient) -> None:
    """Those of requests live in the ledger; those of the operator are shown and cannot be changed."""
    shown = {rule["rule_id"]: rule for rule in _json(client, "/api/alerts/rules")}
    assert shown["videos"]["origin"] == "file"
    assert shown["videos"]["threshold"] == 2
    assert shown["operation-cost"]["threshold"] == 1

    made = client.post("/api/alerts/rules", json={"name": "Big", "kind": "operation", "threshold": 0.1}).json()
    assert (made["origin"], made["threshold"], made["channels"]) == ("api", 0.1, None)
    path = f"/api/alerts/rules/{made['rule_id']}"
    changed = client.put(path, json={"name": "Bigger", "kind": "operation", "threshold": 0.2, "channels": ["hook"]})
    assert changed.json()["name"] == "Bigger"
    assert _json(client, "/api/alerts/rules")[-1] == json.loads(changed.text, parse_float=Decimal)
    assert client.delete(path).status_code == 204
    assert made["rule_id"] not in {rule["rule_id"] for rule in _json(client, "/api/alerts/rules")}

    assert client.delete(path).status_code == 404
    assert client.put("/api/alerts/rules/videos", json={"name": "x", "kind": "operation"}).status_code == 409
    assert client.delete("/api/alerts/rules/videos").status_code == 409
    unknown = client.post("/api/alerts/rules", json={"name": "x", "kind": "operation", "channels": ["nobody"]})
    assert (unknown.status_code, unknown.json()["parameter"]) == (422, "channels")
    narrowed = client.post("/api/alerts/rules", json={"name": "x", "kind": "unpriced", "service": "s3"})
    assert narrowed.status_code == 422
    elsewhere = client.post(
        "/api/alerts/rules", json={"name": "x", "kind": "operation"}, headers={"Origin": "https://evil.example"}
    )
    assert elsewhere.status_code == 403


def test_channels_show_no_secret(client: TestClient, receiver: Receiver) -> None:
    """Names and kinds, and what a try came to; never where a channel leads."""
    assert _json(client, "/api/alerts/channels") == [{"name": "hook", "kind": "webhook"}]

    assert client.post("/api/alerts/test").json() == [{"channel": "hook", "status": "sent", "error": None}]
    assert "test of the channel hook" in str(receiver.received[0].document["alert"])

    receiver.answer = always(Answer(404, body=b"gone"))
    [failed] = client.post("/api/alerts/test", json={"channel": "hook"}).json()
    assert failed["status"] == "failed"
    assert "404: gone" in failed["error"]
    assert "T0p" not in failed["error"]
    assert client.post("/api/alerts/test", json={"channel": "nobody"}).status_code == 404


def test_mutes_are_made_and_ended(client: TestClient) -> None:
    """Something must be stated that is to be silent, and until when."""
    made = client.post("/api/alerts/mutes", json={"service": "s3", "until": "2026-03-15T00:00:00+08:00"}).json()
    assert (made["service"], made["until"], made["active"]) == ("s3", "2026-03-14T16:00:00Z", True)
    assert _json(client, "/api/alerts/mutes") == [made]

    assert client.delete(f"/api/alerts/mutes/{made['mute_id']}").status_code == 204
    assert _json(client, "/api/alerts/mutes") == []
    assert client.delete(f"/api/alerts/mutes/{made['mute_id']}").status_code == 404
    assert client.post("/api/alerts/mutes", json={"until": "2026-03-15T00:00:00Z"}).status_code == 422
    assert client.post("/api/alerts/mutes", json={"service": "s3", "until": "2026-03-15T00:00:00"}).status_code == 422


def test_budgets_show_how_they_stand(ledger: Ledger, client: TestClient) -> None:
    """The worst first, with exact sums, and every part of the contract."""
    store(ledger, [Span(service="openai", user="u", cost=Decimal("2.5"), start=NOW)])
    stated = {"name": "User", "scope": "user", "scope_value": "u", "amount": 2, "period": "weekly"}
    made = client.post("/api/budgets", json=stated)
    assert made.status_code == 201

    over, fine = _json(client, "/api/budgets")

    assert over["budget_id"] == made.json()["budget_id"]
    assert (over["status"], over["origin"], over["used_share"]) == ("exceeded", "api", Decimal("1.25"))
    assert (over["period_start"], over["period_end"]) == ("2026-03-09T00:00:00Z", "2026-03-16T00:00:00Z")
    assert fine == {
        "budget_id": "openai-month",
        "name": "openai-month",
        "origin": "file",
        "scope": "service",
        "scope_value": "openai",
        "amount": 10,
        "currency": "USD",
        "period": "monthly",
        "timezone": "UTC",
        "thresholds": [50, 80, 100],
        "forecast_thresholds": [100],
        "channels": None,
        "period_start": "2026-03-01T00:00:00Z",
        "period_end": "2026-04-01T00:00:00Z",
        "spent": Decimal("2.5"),
        "forecast": None,
        "used_share": Decimal("0.25"),
        "runs_out_at": None,
        "status": "ok",
    }
    assert _json(client, "/api/budgets/openai-month") == fine


def test_budgets_are_changed_and_removed(client: TestClient) -> None:
    """A scope without a value, or a total with one, is refused; so is a change of the operator's."""
    made = client.post("/api/budgets", json={"name": "All", "amount": 100}).json()
    path = f"/api/budgets/{made['budget_id']}"
    changed = client.put(path, json={"name": "All", "amount": 0.5, "period": "quarterly", "timezone": "Asia/Taipei"})
    assert changed.json()["amount"] == 0.5
    assert changed.json()["period_start"] == "2025-12-31T16:00:00Z"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404

    assert client.delete("/api/budgets/openai-month").status_code == 409
    assert client.put("/api/budgets/nothing", json={"name": "x", "amount": 1}).status_code == 404
    for wrong in ({"scope": "user"}, {"scope_value": "u"}, {"amount": 0}, {"thresholds": [0]}, {"timezone": "Mars"}):
        assert client.post("/api/budgets", json={"name": "x", "amount": 1, **wrong}).status_code == 422


def test_the_counters_of_alerts_are_metrics(ledger: Ledger, client: TestClient) -> None:
    """Raised, delivered, failed, and what waits for how long, as Prometheus reads them."""
    old = datetime.now(UTC) - timedelta(seconds=100)
    raise_alerts(ledger, [Finding(an_alert(1, detected_at=old), ("hook", "slack"))])

    text = client.get("/metrics").text

    assert 'spanledger_alerts_raised_total{kind="operation",severity="warning"} 1.0' in text
    assert 'spanledger_alerts_delivered_total{channel="hook"} 0.0' in text
    assert 'spanledger_alerts_outbox_depth{channel="slack"} 1.0' in text
    [age] = [
        line for line in text.splitlines() if line.startswith('spanledger_alerts_outbox_age_seconds{channel="hook"}')
    ]
    assert 100 <= float(age.split()[-1]) < 400

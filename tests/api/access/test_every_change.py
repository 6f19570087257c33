"""Nothing changes without a line in the log: every operation of the API, and every command that works on the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from clickhouse_connect.driver.exceptions import OperationalError
from starlette.testclient import TestClient

from spanledger import environment
from spanledger_api.access import Role
from spanledger_api.access.audit_middleware import READING_METHODS
from spanledger_api.access.gate import Gate
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import NewKey, issue_key
from spanledger_api.access.local_changes import local_operator, record_schema
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.app import create_app
from spanledger_clickhouse.migrations import known_migrations
from spanledger_clickhouse.retention import Retention
from tests.api.access.conftest import bearer
from tests.api.alerts.conftest import an_alert
from tests.api.alerts.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fastapi import FastAPI

    from spanledger_clickhouse.ledger import Ledger

_LOG = "SELECT actor, actor_name, action, subject, detail FROM audit_log ORDER BY recorded_at"
_RULE: Mapping[str, object] = {"name": "dear", "kind": "operation", "threshold": 3}
_BUDGET: Mapping[str, object] = {"name": "all", "amount": 10}
_MUTE: Mapping[str, object] = {"service": "openai", "until": "2027-01-01T00:00:00Z"}
_BODIES: dict[str, Mapping[str, object]] = {
    "POST /api/keys": {"name": "k", "role": "read"},
    "POST /api/alerts/rules": _RULE,
    "PUT /api/alerts/rules/{rule_id}": _RULE,
    "POST /api/budgets": _BUDGET,
    "PUT /api/budgets/{budget_id}": _BUDGET,
    "POST /api/alerts/mutes": _MUTE,
}
"""What each operation that takes a body is asked for."""

_NOT_LOGGED: frozenset[str] = frozenset()
"""Operations that change nothing for anybody, with a reason each; there are none, since nobody logs in."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that the channel `webhook` leads to."""
    with Receiver() as serving:
        monkeypatch.setenv(environment.ALERT_WEBHOOK_URL, serving.url)
        yield serving


@pytest.fixture
def administrator(ledger: Ledger, gate: Gate, receiver: Receiver) -> TestClient:
    """A client that shows a key of role admin to an app with a channel."""
    del receiver
    key, _ = issue_key(ledger, NewKey(name="ada", role=Role.ADMIN), "test")
    gate.keys.refresh()
    app = create_app(ledger, gate=gate)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False, headers=bearer(key))


def _changing(app: FastAPI) -> list[str]:
    return [
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if method.upper() not in READING_METHODS and f"{method.upper()} {path}" not in _NOT_LOGGED
    ]


def _places(ledger: Ledger, client: TestClient) -> dict[str, str]:
    """Something of every kind that a path can name."""
    raise_alerts(ledger, [Finding(an_alert(1))])
    return {
        "alert_id": str(an_alert(1).alert_id),
        "recommendation_id": "0" * 16,
        "key_id": client.post("/api/keys", json={"name": "old", "role": "read"}).json()["key_id"],
        "rule_id": client.post("/api/alerts/rules", json=_RULE).json()["rule_id"],
        "mute_id": client.post("/api/alerts/mutes", json=_MUTE).json()["mute_id"],
        "budget_id": client.post("/api/budgets", json=_BUDGET).json()["budget_id"],
    }


def _forgetful(name: str) -> dict[str, str]:
    return {"name": name}


def _lines(ledger: Ledger, request: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{**row, "detail": json.loads(str(row["detail"]))} for row in ledger.query(_LOG)]
    return [row for row in rows if row["detail"].get("request_id") == request]


def test_every_operation_that_changes_something_leaves_a_line(ledger: Ledger, administrator: TestClient) -> None:
    """Each that the document lists, with who, what and the request's id; a new one needs a body above, no more."""
    operations = _changing(cast("FastAPI", administrator.app))
    places = _places(ledger, administrator)
    for number, operation in enumerate(sorted(operations, key=lambda each: each.startswith("DELETE"))):
        method, template = operation.split()
        answer = administrator.request(
            method,
            template.format(**places),
            json=_BODIES.get(operation),
            headers={"X-Request-Id": f"change-{number}"},
        )

        assert answer.status_code < 300, (operation, answer.text)
        [line] = _lines(ledger, f"change-{number}")
        assert (line["actor_name"], bool(line["subject"])) == ("ada", True), operation
        # Each has an action of its own; the general one is for what somebody forgets.
        assert line["action"] != "request.answered", operation
    assert len(operations) >= 14


def test_what_a_handler_forgets_is_noted_all_the_same(ledger: Ledger, administrator: TestClient) -> None:
    """An operation that records nothing gets a line with its path, and so does one that found nothing to change."""
    cast("FastAPI", administrator.app).add_api_route("/forgotten/{name}", _forgetful, methods=["POST"])
    key = administrator.post("/api/keys", json={"name": "old", "role": "read"}).json()["key_id"]
    administrator.delete(f"/api/keys/{key}")

    administrator.post("/forgotten/x", headers={"X-Request-Id": "forgotten"})
    administrator.delete(f"/api/keys/{key}", headers={"X-Request-Id": "again"})

    found = [_lines(ledger, request) for request in ("forgotten", "again")]
    assert [[(line["action"], line["subject"]) for line in lines] for lines in found] == [
        [("request.answered", "POST /forgotten/{name}")],
        [("request.answered", "DELETE /api/keys/{key_id}")],
    ]


def test_failures_and_readings_leave_no_line(ledger: Ledger, administrator: TestClient) -> None:
    """What changed nothing is not in the log."""
    for method, path in (("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", "/api/alerts/rules/none")):
        administrator.request(method, path)

    assert ledger.query(_LOG) == []


def test_who_is_denied_something_is_noted_once(ledger: Ledger, guarded: TestClient, issue: Callable[..., str]) -> None:
    """A key that asks for what it may not leaves a line a path and hour, thirty at most; a wrong one leaves none."""
    issue(Role.ADMIN)
    key = issue(Role.READ)
    for _ in range(3):
        guarded.post("/api/keys", headers=bearer(key), json={"name": "mine", "role": "admin"})
        guarded.get("/api/audit", headers=bearer(key))
        guarded.post("/api/keys", headers=bearer("sl_wrong"))
    noted = [(row["action"], row["actor_name"], row["subject"]) for row in ledger.query(_LOG)]
    for number in range(40):
        guarded.post(f"/api/{number}", headers=bearer(key))

    assert noted == [
        ("request.denied", "the read", "POST /api/keys"),
        ("request.denied", "the read", "GET /api/audit"),
    ]
    assert len(ledger.query(_LOG)) == 30


def test_without_its_line_a_change_is_not_reported_as_done(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ledger does not take the line of an operation that forgot it, the answer is 503."""
    app = create_app(ledger)
    app.add_api_route("/forgotten/{name}", _forgetful, methods=["POST"])

    def away(*_: object) -> None:
        message = "no room on the disk"
        raise OperationalError(message)

    monkeypatch.setattr("spanledger_api.access.audit_middleware.record", away)
    answer = TestClient(app).post("/forgotten/x")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "could not take the line" in answer.json()["detail"]


def test_the_log_is_asked_by_request(administrator: TestClient) -> None:
    """Entries carry the id of their request, and are found by it and by who acted."""
    administrator.post("/api/budgets", json=_BUDGET, headers={"X-Request-Id": "job-7"})
    administrator.post("/api/budgets", json=_BUDGET)

    [entry] = administrator.get("/api/audit", params={"requestId": "job-7"}).json()

    assert (entry["request_id"], entry["action"], "request_id" in entry["detail"]) == ("job-7", "budget.changed", False)
    assert len(administrator.get("/api/audit", params={"actor": entry["actor"]}).json()) == 2
    assert administrator.get("/api/audit", params={"actor": "cli"}).json() == []


def test_an_upgrade_is_noted_and_a_new_ledger_is_not(ledger: Ledger) -> None:
    """Migrations of a ledger that was there, and what it keeps from now on; a new one stays empty for a copy."""
    migrations, kept = known_migrations(), [Retention("otel_traces", 30)]
    record_schema(ledger, migrations, kept)
    assert ledger.query(_LOG) == []

    record_schema(ledger, migrations[-2:], kept)

    last = f"{migrations[-1].version:04d}_{migrations[-1].name}"
    rows = ledger.query(_LOG)
    assert {(row["actor"], row["actor_name"]) for row in rows} == {("cli", local_operator().name)}
    assert {(row["action"], row["subject"]) for row in rows} == {
        ("schema.migrated", last),
        ("retention.changed", "otel_traces"),
    }


def test_the_gate_needs_no_keys_for_the_log(ledger: Ledger) -> None:
    """While everybody on this machine may do everything, what they do is noted too."""
    client = TestClient(create_app(ledger, gate=Gate(KeyRing(ledger)), clock=lambda: datetime.now(UTC)))
    client.base_url = "http://127.0.0.1"
    assert client.post("/api/budgets", json=_BUDGET).status_code == 201

    assert [(row["actor"], row["action"]) for row in ledger.query(_LOG)] == [("none", "budget.changed")]

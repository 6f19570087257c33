"""A key that is bound to some rows sees those and nothing else, on every path there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spanledger_api.access import Role, RowScope
from spanledger_api.access.principal import ScopeKind
from tests.api.access.conftest import bearer
from tests.api.access.every_path import Asking, every_request
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

_OWN = RowScope(ScopeKind.USER_ID, "own-user")
_OWN_SERVICE = RowScope(ScopeKind.SERVICE, "own-service")
_PLACES = {
    "execution_id": ["own-execution", "strange-execution"],
}
_STATED = {
    "userId": "strange-user",
    "executionId": "strange-execution",
    "taskType": "strange-task",
    "service": "strange-service",
    "from": "2026-03-01T00:00:00Z",
    "to": "2026-03-14T14:00:00Z",
    "asOf": "2026-03-14T14:00:00Z",
}
_TELLING = {
    "/api/analytics/cost/users",
    "/api/analytics/cost/services",
    "/api/analytics/performance/bottleneck",
    "/api/analytics/recommendations",
    "/api/executions",
    "/api/executions/{execution_id}",
    "/api/dimensions/{dimension}",
}
_MARKS = ("strange", "987654")


def _spans(whose: str, cost: str) -> list[Span]:
    """What one user does: calls of every kind that a report tells of, one of them failed, one unpriced."""
    common = {
        "user": f"{whose}-user",
        "execution": f"{whose}-execution",
        "task": f"{whose}-task",
        "step": f"{whose}-step",
        "model": f"{whose}-model",
        "category": whose,
        "prompt": f"{whose}-prompt",
        "metadata": {"note": whose},
    }
    quantity = Decimal(987654 if whose == "strange" else 10)
    paid = [
        Span(service=service, operation=f"{whose}-operation", cost=Decimal(cost), quantity=quantity, **common)  # type: ignore[arg-type]
        for service in (f"{whose}-service", "openai", "openai", "openai", "openai", "openai")
    ]
    return [
        *paid,
        Span(service=f"{whose}-service", failed=f"{whose} failure", source="unpriced", reason=whose, **common),  # type: ignore[arg-type]
        Span(service="openai", source="fallback", cost=Decimal(cost), reason=whose, **common),  # type: ignore[arg-type]
        Span(execution_status="failed", failed=f"{whose} failure", **common),  # type: ignore[arg-type]
    ]


@pytest.fixture
def two_users(ledger: Ledger) -> None:
    """A ledger with the same work of two users, one of them dear."""
    store(ledger, [*_spans("own", "0.5"), *_spans("strange", "987654.25")])


def _leaks(client: TestClient, key: str, asking: Asking) -> list[str]:
    """The marks of somebody else in an answer, apart from those that the question itself holds."""
    answer = client.request(asking.method, asking.path, params=asking.query, headers=bearer(key))
    said = answer.text + "".join(value for name, value in answer.headers.items() if name not in _INNOCENT)
    if answer.status_code in {403, 404, 410}:
        # What is wrong with a question may repeat it.
        said = said.replace("strange-execution", "")
    assert answer.status_code in {200, 304, 403, 404, 410}, f"{asking}: {answer.text}"
    return [mark for mark in _MARKS if mark in said]


_INNOCENT = {"x-request-id", "etag", "content-length", "link", "date"}


def _readings(document: Mapping[str, Any]) -> list[Asking]:
    readings = [each for each in every_request(document, _PLACES, _STATED) if each.method == "GET"]
    return [
        # Runs of steps have no service; operations do.
        replace(each, query={**each.query, "by": "operation"}) if _is_of_services(each) else each
        for each in readings
    ]


def _is_of_services(asking: Asking) -> bool:
    return asking.template.endswith("/latency") and "service" in asking.query


@pytest.mark.usefixtures("two_users")
@pytest.mark.parametrize("scope", [_OWN, _OWN_SERVICE], ids=["user", "service"])
def test_no_path_shows_what_is_somebody_elses(
    guarded: TestClient, issue: Callable[..., str], document: Mapping[str, Any], scope: RowScope
) -> None:
    """Whatever a bound key asks for, no value of another user or service is in the answer, headers included."""
    issue(Role.ADMIN)
    key = issue(Role.READ, scope)
    # Users on every path and with every value; services, by the same seam, where it matters most.
    asked = [each for each in _readings(document) if scope is _OWN or each.template in _TELLING]

    found = {f"{each.path} {each.query}": leaks for each in asked if (leaks := _leaks(guarded, key, each))}

    assert found == {}
    assert len(asked) > (100 if scope is _OWN else 20)


@pytest.mark.usefixtures("two_users")
def test_the_same_paths_show_everything_to_others(
    guarded: TestClient, issue: Callable[..., str], document: Mapping[str, Any]
) -> None:
    """The walk would notice: a key that is bound to nothing finds the other user on the paths that tell of users."""
    key = issue(Role.ADMIN)

    asked = [each for each in _readings(document) if each.template in _TELLING and len(each.query) < 2]

    assert {each.template for each in asked if _leaks(guarded, key, each)} == _TELLING


@pytest.mark.usefixtures("two_users")
def test_a_bound_key_sees_its_own_rows_exactly(guarded: TestClient, issue: Callable[..., str]) -> None:
    """Totals are those of the rows that are its own, and shares are of them too."""
    issue(Role.ADMIN)
    key = issue(Role.READ, _OWN)

    answer = guarded.get("/api/analytics/cost/users", headers=bearer(key))
    execution = guarded.get("/api/executions/own-execution", headers=bearer(key)).json()

    assert answer.json() == [{"user_id": "own-user", "total_cost": 3.5, "operations_count": 8}]
    assert answer.headers["Spanledger-Unpriced-Share"] == "0.125"
    assert execution["total_cost"] == 3.5
    assert len(execution["cost_records"]) == 8
    assert guarded.get("/api/executions/strange-execution", headers=bearer(key)).status_code == 404


def test_spans_are_those_of_the_user(guarded: TestClient, ledger: Ledger, issue: Callable[..., str]) -> None:
    """Of a trace that several users share a bound key sees its own spans, and nothing of another's execution."""
    issue(Role.ADMIN)
    key = issue(Role.READ, _OWN)
    now = datetime.now(UTC)  # spans of any other time are not kept
    store(
        ledger,
        [
            Span(
                start=now, user=f"{who}-user", execution=f"{who}-execution", task="t", step=who, service="s3", trace=99
            )
            for who in ("own", "strange")
        ],
    )

    own = guarded.get("/api/executions/own-execution/spans", headers=bearer(key))
    strange = guarded.get("/api/executions/strange-execution/spans", headers=bearer(key))

    assert [span["step_name"] for span in own.json()] == ["own"]
    assert strange.status_code == 404


@pytest.mark.usefixtures("two_users")
def test_a_value_cannot_end_the_filter(guarded: TestClient, issue: Callable[..., str]) -> None:
    """A scope whose value looks like SQL is a value all the same."""
    issue(Role.ADMIN)
    for value in ("' OR 1 --", "\\' OR 1 = 1 OR user_id = \\'", "'} , 'x': '1"):
        key = issue(Role.READ, RowScope(ScopeKind.USER_ID, value))
        answer = guarded.get("/api/analytics/cost/users", headers=bearer(key))
        assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.usefixtures("two_users")
def test_two_keys_share_no_entity_tag(guarded: TestClient, issue: Callable[..., str]) -> None:
    """The tag of a closed period differs from scope to scope, and answers vary by who asks."""
    keys = [issue(Role.ADMIN), issue(Role.READ, _OWN), issue(Role.READ, _OWN_SERVICE)]
    answers = [
        guarded.get(
            "/api/analytics/cost/users",
            params={"from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"},
            headers=bearer(key),
        )
        for key in keys
    ]

    assert len({answer.headers["etag"] for answer in answers}) == 3
    assert all("Authorization" in answer.headers["vary"] for answer in answers)


@pytest.mark.usefixtures("two_users")
@pytest.mark.parametrize("scope", [_OWN, _OWN_SERVICE], ids=["user", "service"])
def test_what_is_set_up_about_others_is_theirs(
    guarded: TestClient, issue: Callable[..., str], document: Mapping[str, Any], scope: RowScope
) -> None:
    """Budgets, rules and mutes that name another user or service are not shown to a bound key, in lists or by id."""
    chief = bearer(issue(Role.ADMIN))
    made = {
        "/api/budgets": {"name": "strange", "scope": "user", "scope_value": "strange-user", "amount": 1},
        "/api/alerts/rules": {"name": "strange", "kind": "operation", "user_id": "strange-user"},
        "/api/alerts/mutes": {"user_id": "strange-user", "until": "2027-01-01T00:00:00Z", "reason": "strange"},
    }
    for path, body in made.items():
        assert guarded.post(path, json=body, headers=chief).status_code == 201, path
    key = issue(Role.READ, scope)
    asked = [each for each in _readings(document) if each.template.startswith(("/api/alerts", "/api/budgets"))]

    found = {f"{each.path} {each.query}": leaks for each in asked if (leaks := _leaks(guarded, key, each))}
    seen = {path: guarded.get(path, headers=chief).text.count("strange-user") for path in made}

    assert found == {}
    assert min(seen.values()) > 0

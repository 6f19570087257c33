"""How often somebody may ask, how long, and how much."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from starlette.testclient import TestClient

from spanledger.exceptions import OverloadedError
from spanledger_api.access import Role
from spanledger_api.access.gate import Gate
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import NewKey, issue_key
from spanledger_api.access.request_limits import RequestLimits
from spanledger_api.app import create_app
from spanledger_api.deployment import Deployed  # noqa: TC001 - read by the framework from a handler's annotations
from spanledger_clickhouse.bounded_ledger import BoundedLedger
from spanledger_clickhouse.query_slots import QuerySlots
from spanledger_clickhouse.shared_answers import SharedAnswers
from tests.api.access.conftest import bearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from spanledger_clickhouse.ledger import Ledger


def _limited(ledger: Ledger, limits: RequestLimits) -> tuple[TestClient, str, str]:
    keys = [issue_key(ledger, NewKey(name="k", role=Role.ADMIN), "test")[0] for _ in range(2)]
    app = create_app(ledger, gate=Gate(KeyRing(ledger), limits=limits))
    return TestClient(app, raise_server_exceptions=False), keys[0], keys[1]


def test_a_key_that_asks_too_often_waits(ledger: Ledger) -> None:
    """Answers say what is left; beyond it they are 429 with a time to wait, for this key and no other."""
    client, key, other = _limited(ledger, RequestLimits(3))

    answers = [client.get("/api/session", headers=bearer(key)) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"requests";q=3;w=60'
    assert answers[0].headers["ratelimit"].startswith('"requests";r=2;t=')
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert answers[3].json()["type"] == "urn:spanledger:problem:too-many-requests"
    assert client.get("/api/session", headers=bearer(other)).status_code == 200


def test_an_address_that_asks_too_often_waits(ledger: Ledger) -> None:
    """Five times as many as one key, paths that need no key included."""
    client, _, _ = _limited(ledger, RequestLimits(1))

    assert [client.get("/healthz").status_code for _ in range(6)] == [200] * 5 + [429]


def test_wrong_keys_are_soon_answered_no_more(ledger: Ledger) -> None:
    """After some 401 an address that shows wrong keys gets 429; right keys still pass, and all of it is counted."""
    client, key, _ = _limited(ledger, RequestLimits(1000, failures=3))

    wrong = [client.get("/api/session", headers=bearer("sl_wrong")).status_code for _ in range(5)]
    counted = client.get("/metrics", headers=bearer(key)).text

    assert wrong == [401, 401, 401, 429, 429]
    assert 'spanledger_authentication_failures_total{port="api"} 5.0' in counted
    assert 'spanledger_requests_limited_total{port="api"} 2.0' in counted


def test_few_statements_run_at_once() -> None:
    """Who waits in vain for a turn is told to come again, and a turn that ended is free again."""
    slots = QuerySlots(running=1, waiting=1, seconds=0.3)
    told: list[str] = []

    def ask(name: str) -> None:
        with pytest.raises(OverloadedError), slots.taken():
            pass
        told.append(name)

    with slots.taken():
        waiting = [threading.Thread(target=ask, args=(name,)) for name in ("one", "another")]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join()
    with slots.taken():
        told.append("free again")

    assert set(told[:2]) == {"one", "another"}
    assert told[2] == "free again"


def test_a_full_queue_turns_away_at_once() -> None:
    """Where nobody may wait the answer comes without waiting."""
    slots = QuerySlots(running=1, waiting=0, seconds=60)
    started = time.monotonic()

    with slots.taken(), pytest.raises(OverloadedError), slots.taken():
        pass

    assert time.monotonic() - started < 30


def test_a_busy_ledger_says_when_to_come_again(ledger: Ledger) -> None:
    """With every slot taken a report is 503 with a time to wait, and the probe of the process still answers."""
    app = create_app(ledger)
    slots = QuerySlots(running=1, waiting=1, seconds=0.05)
    app.state.deployment = replace(app.state.deployment, ledger=BoundedLedger(ledger, SharedAnswers(slots.taken)))
    client = TestClient(app, raise_server_exceptions=False)

    with slots.taken():
        answer = client.get("/api/analytics/cost/users")
        assert client.get("/healthz").status_code == 200

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert client.get("/api/analytics/cost/users").status_code == 200


def _limits(deployment: Deployed) -> dict[str, str]:
    names = "'max_execution_time', 'max_memory_usage', 'max_rows_to_read', 'max_result_rows', 'max_result_bytes'"
    rows = deployment.ledger.query(f"SELECT name, value FROM system.settings WHERE name IN ({names})")  # noqa: S608 - of the line above
    return {str(row["name"]): str(row["value"]) for row in rows}


def test_statements_of_requests_are_limited(guarded: TestClient, issue: Callable[..., str]) -> None:
    """What a handler asks runs inside limits of time, memory and rows, whoever asks."""
    key = issue(Role.ADMIN)
    cast("FastAPI", guarded.app).add_api_route("/limits", _limits)

    assert guarded.get("/limits", headers=bearer(key)).json() == {
        "max_execution_time": "30",
        "max_memory_usage": "1000000000",
        "max_rows_to_read": "2000000000",
        "max_result_rows": "1000000",
        "max_result_bytes": "500000000",
    }


@pytest.mark.parametrize("announced", [True, False])
def test_long_bodies_are_refused(guarded: TestClient, *, announced: bool) -> None:
    """A body of over a mebibyte is 413, whether its length is announced or only found out."""
    body = b'{"name": "' + b"x" * 1024**2 + b'", "role": "admin"}'
    content = body if announced else (body[at : at + 65_536] for at in range(0, len(body), 65_536))

    answer = guarded.post("/api/keys", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_request_keeps_its_id(guarded: TestClient) -> None:
    """A plain id comes back and names the problem; one that could forge a line of the log is replaced."""
    answer = guarded.get("/nowhere", headers={"X-Request-Id": "job-17.a"})
    assert answer.headers["x-request-id"] == "job-17.a"
    assert answer.json()["instance"] == "urn:spanledger:request:job-17.a"
    for odd in ("a b", "x" * 129, "a\tb", ""):
        assert guarded.get("/healthz", headers={"X-Request-Id": odd}).headers["x-request-id"] != odd

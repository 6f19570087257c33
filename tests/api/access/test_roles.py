"""What each role may do, on every path there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spanledger_api.access import Role, RowScope
from spanledger_api.access.middleware import is_public
from spanledger_api.access.principal import ScopeKind
from tests.api.access.conftest import bearer
from tests.api.access.every_path import every_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.testclient import TestClient

    from tests.api.access.every_path import Asking

_PLACES = {"execution_id": ["e"]}
_ADMINISTRATION = {"/api/keys", "/api/audit"}
_OF_EVERY_ROLE = {"/api/session"}


@pytest.fixture(scope="module")
def asked(document: Mapping[str, Any]) -> list[Asking]:
    """Each operation that is documented, once."""
    first: dict[tuple[str, str], Asking] = {}
    for each in every_request(document, _PLACES, {"taskType": "t"}):
        first.setdefault((each.method, each.template), each)
    return list(first.values())


def _status(guarded: TestClient, asking: Asking, key: str | None) -> int:
    headers = {} if key is None else bearer(key)
    answer = guarded.request(asking.method, asking.path, params=asking.query, headers=headers)
    if answer.status_code in {401, 403}:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code


def test_every_path_needs_a_key(guarded: TestClient, issue: Callable[..., str], asked: list[Asking]) -> None:
    """Without a key, and with a wrong one, everything but the probes and the page's files is 401."""
    issue(Role.ADMIN)
    for asking in asked:
        expected = {200} if is_public(asking.path) else {401}
        assert {_status(guarded, asking, None)} == expected, asking


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/assets/swagger-ui.css", "/nowhere", "/api/"])
def test_what_is_in_no_document_needs_one_too(guarded: TestClient, issue: Callable[..., str], path: str) -> None:
    """Documentation and paths that are none are behind the door as well."""
    issue(Role.ADMIN)

    answer = guarded.get(path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_of_role_ingest_asks_nothing(guarded: TestClient, issue: Callable[..., str], asked: list[Asking]) -> None:
    """Whoever may only send is told who they are, and 403 by everything else."""
    issue(Role.ADMIN)
    key = issue(Role.INGEST)
    for asking in asked:
        if not is_public(asking.path):
            expected = 200 if asking.path in _OF_EVERY_ROLE else 403
            assert _status(guarded, asking, key) == expected, asking


def test_a_key_of_role_read_changes_nothing(
    guarded: TestClient, issue: Callable[..., str], asked: list[Asking]
) -> None:
    """Whoever may read gets every report, and 403 where something would change or is for administrators."""
    issue(Role.ADMIN)
    key = issue(Role.READ)
    for asking in asked:
        forbidden = asking.method != "GET" or asking.path in _ADMINISTRATION
        assert (_status(guarded, asking, key) == 403) is forbidden, asking


def test_an_administrator_is_refused_nothing(
    guarded: TestClient, issue: Callable[..., str], asked: list[Asking]
) -> None:
    """No path answers 401 or 403 to a key of role admin."""
    key = issue(Role.ADMIN)
    for asking in asked:
        if asking.path != "/api/keys" or asking.method == "GET":
            assert _status(guarded, asking, key) not in {401, 403}, asking


def test_a_bound_key_sees_no_counters(guarded: TestClient, issue: Callable[..., str]) -> None:
    """Counters are of everybody's requests."""
    issue(Role.ADMIN)
    key = issue(Role.READ, RowScope(ScopeKind.USER_ID, "u"))

    assert guarded.get("/metrics", headers=bearer(key)).status_code == 403
    assert guarded.get("/metrics", headers=bearer(issue(Role.READ))).status_code == 200


def test_without_keys_this_machine_does_everything(guarded: TestClient) -> None:
    """While there is no key nobody is asked for one."""
    assert guarded.get("/api/session").json() == {
        "authentication": "none",
        "role": "admin",
        "key_id": None,
        "name": None,
        "scope": None,
    }
    assert guarded.get("/api/analytics/cost/users").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example:8000"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
    ],
)
def test_without_keys_pages_of_other_sites_get_nothing(guarded: TestClient, headers: dict[str, str]) -> None:
    """A browser on this machine shows other people's pages; neither a foreign name nor a foreign origin is answered."""
    assert guarded.get("/api/analytics/cost/users", headers=headers).status_code == 403
    assert guarded.post("/api/keys", headers=headers, json={"name": "x", "role": "admin"}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "127.1.2.3", "ledger.localhost"])
def test_names_of_this_machine_are_answered(guarded: TestClient, host: str) -> None:
    """Every name that can only mean this machine is good."""
    assert guarded.get("/api/session", headers={"Host": host}).status_code == 200

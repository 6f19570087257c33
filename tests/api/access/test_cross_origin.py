"""Pages of other sites: no path lets them read anything, unless the operator names their origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from spanledger import environment
from spanledger_api.access import Role
from spanledger_api.app import create_app
from tests.api.access.conftest import bearer
from tests.api.access.every_path import every_request
from tests.api.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from httpx2 import Response

    from spanledger_api.access.gate import Gate
    from spanledger_clickhouse.ledger import Ledger

_SITE = "https://dashboards.example"
_OTHERS = ("/", "/users", "/docs", "/openapi.json", "/favicon.ico", "/nowhere", "/assets/nothing.js")

_ANSWERED = ("/api/analytics/cost/users", "/api/executions", "/metrics")


def _cross_origin(headers: Mapping[str, str]) -> set[str]:
    return {name for name in headers if name.startswith("access-control-")}


def _preflight(client: TestClient, path: str, origin: str, method: str = "GET") -> Response:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    return client.options(path, headers={"Origin": origin, **asked})


def _paths(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    documented = {(each.method, each.path) for each in every_request(document, {}, {})}
    return sorted(documented | {("GET", path) for path in _OTHERS})


@pytest.mark.parametrize("closed", [False, True], ids=["without keys", "with keys"])
def test_no_path_opens_itself_to_another_site(
    guarded: TestClient, issue: Callable[..., str], document: Mapping[str, Any], *, closed: bool
) -> None:
    """By default no answer has a header of CORS, neither to a preflight nor to the request itself."""
    key = issue(Role.ADMIN) if closed else ""
    opened: dict[str, set[str]] = {}
    for method, path in _paths(document):
        answers = [_preflight(guarded, path, _SITE, method), guarded.request(method, path, headers={"Origin": _SITE})]
        if path in _ANSWERED:
            answers.append(guarded.get(path, headers={"Origin": _SITE, **bearer(key)}))
        if found := set[str]().union(*(_cross_origin(each.headers) for each in answers)):
            opened[f"{method} {path}"] = found

    assert opened == {}


@pytest.fixture
def allowing(ledger: Ledger, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A client of an API that lets one site in."""
    monkeypatch.setenv(environment.CORS_ORIGINS, f" {_SITE} ,")
    app = create_app(ledger, clock=lambda: NOW, gate=gate)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def test_an_origin_that_is_named_may_read(allowing: TestClient, issue: Callable[..., str]) -> None:
    """It gets leave by its own name, with a key like everybody, never with cookies; refusals can be read too."""
    key = issue(Role.ADMIN)
    path = "/api/analytics/cost/users"

    before = _preflight(allowing, path, _SITE)
    answer = allowing.get(path, headers={"Origin": _SITE, **bearer(key)})
    keyless = allowing.get(path, headers={"Origin": _SITE})

    assert (before.status_code, answer.status_code, keyless.status_code) == (200, 200, 401)
    for each in (before, answer, keyless):
        assert each.headers["access-control-allow-origin"] == _SITE
        assert "access-control-allow-credentials" not in each.headers
        assert "Origin" in each.headers["vary"]


def test_no_other_origin_is_let_in_beside_it(allowing: TestClient, issue: Callable[..., str]) -> None:
    """A site of a similar name, the opaque origin of a file and a site on this machine get no leave."""
    key = issue(Role.ADMIN)

    for origin in (f"{_SITE}.evil", "https://evil.example", "null", "http://localhost:8000", _SITE.upper()):
        before = _preflight(allowing, "/api/keys", origin, "POST")
        answer = allowing.get("/api/analytics/cost/users", headers={"Origin": origin, **bearer(key)})
        assert before.status_code == 400
        assert "access-control-allow-origin" not in before.headers
        assert "access-control-allow-origin" not in answer.headers

"""Errors: a problem document that names the parameter, and nothing of the inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pytest
from fastapi import Query

from spanledger.exceptions import InvalidRequestError, LedgerUnavailableError
from spanledger_api.problem import MEDIA_TYPE, PROBLEM_RESPONSES
from spanledger_api.slow_questions import SlowQuestions

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

_USERS = "/api/analytics/cost/users"
_TREND = "/api/analytics/cost/trend"
_BOTTLENECK = "/api/analytics/performance/bottleneck"
_SCHEMA = PROBLEM_RESPONSES[422]["content"][MEDIA_TYPE]["schema"]
_KINDS = {"string": str, "integer": int, "array": list}


def _check_form(problem: dict[str, object]) -> None:
    """The document has the members that the OpenAPI description says, of the types it says, and no others."""
    assert set(_SCHEMA["required"]) <= set(problem) <= set(_SCHEMA["properties"])
    assert all(isinstance(value, _KINDS[_SCHEMA["properties"][name]["type"]]) for name, value in problem.items())


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        (_USERS, "period=hourly", "period"),
        (_USERS, "topN=0", "topN"),
        (_USERS, "topN=-1", "topN"),
        (_USERS, "topN=ten", "topN"),
        (_USERS, "topN=", "topN"),
        (_USERS, "topn=3", "topn"),
        (_USERS, "timezone=Mars/Olympus", "timezone"),
        (_USERS, "timezone=../../etc/passwd", "timezone"),
        (_USERS, "timezone=localtime", "timezone"),
        (_USERS, "from=2026-03-01T00:00:00", "from"),
        (_USERS, "from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z", "from"),
        (_USERS, "to=2026-02-01T00:00:00Z", "to"),
        (_USERS, "currency=usd", "currency"),
        (_USERS, "format=xml", "format"),
        (_USERS, "userId=a&userId=b", "userId"),
        (_TREND, "period=yearly", "period"),
        (_TREND, "days=0", "days"),
        (_TREND, "days=3661", "days"),
        (_BOTTLENECK, "", "taskType"),
        (_BOTTLENECK, "taskType=t&service=s3", "service"),
        ("/api/analytics/performance/latency", "service=openai", "service"),
        ("/api/analytics/recommendations", "format=csv", "format"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, path: str, query: str, parameter: str) -> None:
    """The answer is 422 with the parameter's name, in the one form every error has."""
    answer = client.get(f"{path}?{query}")

    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert problem["parameter"] == parameter
    assert [error["parameter"] for error in problem["errors"]] == [parameter]
    assert parameter in problem["detail"]
    assert "Period." not in answer.text
    _check_form(problem)


def test_a_time_before_the_ledger_begins_is_refused_everywhere(app: FastAPI, client: TestClient) -> None:
    """Before 1970 there is nothing and the engine's days would wrap around: every path names the parameter."""
    seen = 0
    for path, methods in app.openapi()["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        needed = {
            "taskType": "t",
            "format": "csv",
            "from": "2026-03-01T00:00:00Z",
            "to": "2026-03-02T00:00:00Z",
        }
        required = {
            each["name"]: needed[each["name"]] for each in parameters if each["required"] and each["in"] != "path"
        }
        for name in {each["name"] for each in parameters} & {"from", "to", "asOf"}:
            place = path.replace("{dimension}", "service")
            answer = client.get(place, params={**required, name: "1969-12-31T23:59:59.999999999Z"})
            assert (answer.status_code, answer.json()["parameter"]) == (422, name), path
            assert "1970" in answer.json()["detail"]
            seen += 1

    assert seen > 40


def test_every_bad_parameter_is_named_at_once(client: TestClient) -> None:
    """A request with several mistakes learns of all of them."""
    problem = client.get(f"{_USERS}?topN=0&period=x&nope=1").json()

    assert [error["parameter"] for error in problem["errors"]] == ["period", "topN", "nope"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", _USERS, 405)])
def test_a_path_or_method_there_is_not_is_a_problem_too(
    client: TestClient, method: str, path: str, status: int
) -> None:
    """The status is the usual one, the form that of every error."""
    answer = client.request(method, path)

    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    _check_form(answer.json())


def test_a_failure_inside_shows_nothing_of_it(own_app: FastAPI, own_client: TestClient) -> None:
    """An unexpected error and a refused statement are 500 with an instance to look up, without text from inside."""

    def fail() -> None:
        message = "secret"
        raise ValueError(message)

    own_app.add_api_route("/fail", fail)
    own_app.add_api_route("/refused", lambda: own_app.state.deployment.ledger.query("SELECT secret FROM absent"))

    for path in ("/fail", "/refused"):
        answer = own_client.get(path)
        assert answer.status_code == 500
        assert answer.json()["instance"].startswith("urn:spanledger:request:")
        assert answer.headers["X-Request-Id"] in answer.json()["instance"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "secret" not in answer.text
        assert "SELECT" not in answer.text
        _check_form(answer.json())


def test_a_report_that_takes_too_long_is_a_timeout(own_app: FastAPI, own_client: TestClient, ledger: Ledger) -> None:
    """When the engine gives up at its time limit the answer is 408: it says which, what to do and when to ask again."""
    slow = "SELECT sleepEachRow(0.2) FROM numbers(20) SETTINGS max_execution_time = 0.1, max_block_size = 1"
    own_app.add_api_route("/slow", lambda: ledger.query(slow))

    answer = own_client.get("/slow")

    assert answer.status_code == 408
    assert int(answer.headers["Retry-After"]) > 0
    assert "0.1 s" in answer.json()["detail"]
    assert "shorter window (from, to)" in answer.json()["detail"]
    _check_form(answer.json())


def test_what_took_too_long_is_not_tried_again_at_once(
    own_app: FastAPI, own_client: TestClient, ledger: Ledger
) -> None:
    """The same question is refused without asking the engine until `Retry-After` is over; any other one is asked."""
    clock = [100.0]
    own_app.state.slow_questions = SlowQuestions(lambda: clock[0])
    tries: list[str] = []

    def slow(tried: Annotated[str, Query()]) -> None:
        tries.append(tried)
        ledger.query("SELECT sleepEachRow(0.1) FROM numbers(9) SETTINGS max_execution_time = 0.05, max_block_size = 1")

    own_app.add_api_route("/slow", slow)
    first = own_client.get("/slow?tried=a")
    again, other = own_client.get("/slow?tried=a"), own_client.get("/slow?tried=b")
    whose = own_client.get("/slow?tried=a", headers={"Authorization": "Bearer another"})
    clock[0] += int(first.headers["Retry-After"])
    later = own_client.get("/slow?tried=a")

    assert {each.status_code for each in (first, again, other, whose, later)} == {408}
    assert again.json()["detail"] == first.json()["detail"]
    assert again.json()["instance"] != first.json()["instance"]
    assert tries == ["a", "b", "a", "a"]


def test_a_report_that_reads_too_much_says_so(own_app: FastAPI, own_client: TestClient, ledger: Ledger) -> None:
    """When the engine gives up at a limit of rows the answer is 422: trying again would not help."""
    own_app.add_api_route("/long", lambda: ledger.query("SELECT number FROM numbers(20) SETTINGS max_result_rows = 10"))
    own_app.add_api_route(
        "/wide", lambda: ledger.query("SELECT count() FROM numbers(20) SETTINGS max_rows_to_read = 10")
    )

    assert [own_client.get(path).status_code for path in ("/long", "/wide")] == [422, 422]


def test_errors_of_our_own_have_their_status(own_app: FastAPI, own_client: TestClient) -> None:
    """An unreachable ledger is 503, a refused request as a whole 422 without a parameter."""

    def unreachable() -> None:
        message = "host db.internal:8123 refused"
        raise LedgerUnavailableError(message)

    def refused() -> None:
        message = "this body makes no sense"
        raise InvalidRequestError(message)

    own_app.add_api_route("/unreachable", unreachable)
    own_app.add_api_route("/refuse", refused)

    assert own_client.get("/unreachable").status_code == 503
    assert "db.internal" not in own_client.get("/unreachable").text
    problem = own_client.get("/refuse").json()
    assert problem["status"] == 422
    assert "parameter" not in problem

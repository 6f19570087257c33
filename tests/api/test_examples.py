"""The OpenAPI document shows of every operation what it is asked and what it answers, and those examples are true."""

from __future__ import annotations

import csv
import io
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import pytest
from jsonschema_rs import Draft202012Validator

from spanledger_api.example_values import VALUES
from spanledger_api.problem import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

_JSON = "application/json"
_Operation = dict[str, Any]


@pytest.fixture(scope="module")
def document(app: FastAPI) -> _Operation:
    """The document of an app."""
    return app.openapi()


def _operations(document: _Operation) -> Iterator[tuple[str, str, _Operation]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _bodies(operation: _Operation) -> Iterator[tuple[str, str, _Operation]]:
    """The body of the request and those of the answers: of which status, of which type, how it is described."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", kind, content
    for status, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            yield status, kind, content


def _faults(document: _Operation, schema: _Operation, example: object) -> list[str]:
    validator = Draft202012Validator(schema | {"components": document["components"]}, validate_formats=True)
    return [error.message for error in validator.iter_errors(example)]


def _enumerated(document: _Operation, schema: _Operation) -> bool:
    if reference := schema.get("$ref"):
        return "enum" in document["components"]["schemas"][reference.rpartition("/")[2]]
    return "enum" in schema or any(_enumerated(document, part) for part in schema.get("anyOf", []))


def test_every_operation_shows_its_request_and_its_answers(document: _Operation) -> None:
    """Each parameter shows a value, and each body of a request or an answer is there as a whole, problems too."""
    bare: list[str] = []
    for method, path, operation in _operations(document):
        for parameter in operation.get("parameters", []):
            shown = {"default", "examples"} & set(parameter["schema"]) or _enumerated(document, parameter["schema"])
            bare += [] if shown else [f"{method} {path}?{parameter['name']}"]
        bare += [f"{method} {path} {part} {kind}" for part, kind, body in _bodies(operation) if "example" not in body]

    assert bare == []


def test_every_example_is_one_of_its_schema(document: _Operation) -> None:
    """Each example of a parameter, a request, an answer and a problem is valid by the schema beside it."""
    wrong: dict[str, list[str]] = {}
    for method, path, operation in _operations(document):
        examined = [(part, body.get("schema", {}), body["example"]) for part, _, body in _bodies(operation)]
        examined += [
            (parameter["name"], parameter["schema"], example)
            for parameter in operation.get("parameters", [])
            for example in parameter["schema"].get("examples", [])
        ]
        for part, schema, example in examined:
            if faults := _faults(document, schema, example):
                wrong[f"{method} {path} {part}"] = faults

    assert wrong == {}


def test_what_an_answer_leaves_empty_was_meant_so(document: _Operation) -> None:
    """A field is null in an example only where the scene says so, never because nobody thought of a value."""
    empty: set[str] = set()

    def walk(example: object, name: str) -> None:
        if isinstance(example, dict):
            for key, value in cast("dict[str, object]", example).items():
                walk(value, key)
        elif isinstance(example, list):
            for value in cast("list[object]", example):
                walk(value, name)
        elif example is None:
            empty.add(name)

    for _, _, operation in _operations(document):
        for _, _, body in _bodies(operation):
            walk(body["example"], "")

    assert empty - {name for name, value in VALUES.items() if value is None} == {"period_start", "period_end"}


def test_every_value_of_the_scene_is_shown_somewhere(document: _Operation) -> None:
    """No value stands there for a name that no field and no parameter has any more."""
    names = {name for schema in document["components"]["schemas"].values() for name in schema.get("properties", {})}
    asked = {parameter["name"] for _, _, each in _operations(document) for parameter in each.get("parameters", [])}
    spelt = {"".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name) for name in asked}

    assert set(VALUES) <= names | spelt


def test_problems_have_the_status_they_stand_under(document: _Operation) -> None:
    """The example of a problem names its status in the body, and that of a bad parameter one that the path has."""
    for method, path, operation in _operations(document):
        queries = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        for status, kind, body in _bodies(operation):
            if kind == MEDIA_TYPE:
                assert body["example"]["status"] == int(status), (method, path)
                if status == "422":
                    assert body["example"]["parameter"] in queries or not queries, (method, path)


def test_csv_shows_what_json_shows(document: _Operation) -> None:
    """Both forms of a report's example hold the same values under the same names."""
    seen = 0
    for _, path, operation in _operations(document):
        content = operation["responses"].get("200", {}).get("content", {})
        if "text/csv" in content and _JSON in content:
            [row] = csv.DictReader(io.StringIO(content["text/csv"]["example"]))
            [told] = content[_JSON]["example"]
            flat = {name for name, value in told.items() if not isinstance(value, dict | list)}
            assert set(row) == flat, path
            seen += 1

    assert seen > 15


def test_requests_as_shown_are_taken(ledger: Ledger, client: TestClient, document: _Operation) -> None:
    """Each request of the document, sent as it stands there, is not refused for what it says."""
    del ledger
    refused: dict[str, str] = {}
    for method, path, operation in _operations(document):
        parameters = operation.get("parameters", [])
        shown = {each["name"]: (each["in"], each["schema"].get("examples", [None])[0]) for each in parameters}
        place = path.format(**{name: value or "service" for name, (where, value) in shown.items() if where == "path"})
        query = {name: value for name, (where, value) in shown.items() if where == "query" and value is not None}
        body = operation.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("example")
        answer = client.request(method, place, params=query | _BESIDE.get(path, {}), json=body)
        if answer.status_code not in _TAKEN:
            refused[f"{method} {path}"] = f"{answer.status_code} {answer.text}"

    assert refused == {}


_BESIDE = {"/api/export": {"format": "csv"}, "/api/analytics/performance/latency": {"by": "service"}}
"""Values of enumerations that the others need beside them."""

_TAKEN = {
    *(HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT),
    HTTPStatus.NOT_FOUND,  # nothing in the empty ledger has the id that is shown
    HTTPStatus.CONFLICT,  # the key that is shown is not one that opens a ledger
}

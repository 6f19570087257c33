"""The app as a whole: its contract, its silence towards telemetry, its headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spanledger_api.security import SECURITY_HEADERS

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

_WINDOW = {"period", "from", "to", "timezone"}
_FILTERS = {"userId", "taskType", "executionId", "currency", "asOf", "format"}
_DETAILS = {"service", "operation", "model", "step", "prompt", "source", "status"}
_PAGE = {"limit", "offset"}
_CONTRACT: dict[str, tuple[set[str], dict[str, object], set[str]]] = {
    "/api/analytics/cost/users": (
        _WINDOW | _FILTERS | _DETAILS | {"topN"},
        {"period": "monthly", "topN": 10},
        {"user_id", "total_cost", "operations_count"},
    ),
    "/api/analytics/cost/services": (
        _WINDOW | _FILTERS | _DETAILS | _PAGE,
        {"period": "monthly", "limit": 1000, "offset": 0},
        {"service", "total_cost", "avg_duration", "operations_count"},
    ),
    "/api/analytics/cost/trend": (
        _WINDOW | _FILTERS | _DETAILS | {"days"},
        {"period": "daily", "days": 30},
        {"date", "total_cost", "operations_count"},
    ),
    "/api/analytics/cost/prompts": (
        _WINDOW | _FILTERS | _DETAILS | _PAGE,
        {"period": "monthly"},
        {"operation", "total_cost", "avg_cost", "avg_duration", "calls_count"},
    ),
    "/api/analytics/performance/bottleneck": (
        _WINDOW | _PAGE | {"taskType", "userId", "executionId", "format"},
        {"period": "weekly"},
        {"step_name", "avg_duration", "p95_duration", "max_duration", "count"},
    ),
    "/api/analytics/recommendations": (
        _WINDOW | {"currency", "asOf", "accept-language", "includeDismissed"},
        {"period": "monthly"},
        {"type", "priority", "message", "data", "id", "saving_low", "saving_high", "evidence", "dismissed"},
    ),
}


@pytest.mark.parametrize("path", sorted(_CONTRACT))
def test_every_report_is_documented_as_promised(app: FastAPI, path: str) -> None:
    """Each has its parameters, their defaults and its fields in the OpenAPI document, in words too."""
    parameters, defaults, fields = _CONTRACT[path]
    document = app.openapi()
    operation = document["paths"][path]["get"]
    found: dict[str, dict[str, Any]] = {each["name"]: each for each in operation["parameters"]}
    row = operation["responses"]["200"]["content"]["application/json"]["schema"]["items"]["$ref"].split("/")[-1]

    assert set(found) == parameters
    assert {name: found[name]["schema"].get("default") for name in defaults} == defaults
    assert set(document["components"]["schemas"][row]["properties"]) == fields
    assert all(each.get("description") for each in found.values())
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert set(operation["responses"]) - {"304"} == {"200", "408", "422", "503"}
    assert set(operation["responses"]["422"]["content"]) == {"application/problem+json"}


def test_the_other_paths_are_there(app: FastAPI, client: TestClient) -> None:
    """Executions, probes and counters are documented, and so is everything else; the document has its page."""
    paths = app.openapi()["paths"]

    assert {"/api/executions/{execution_id}", "/healthz", "/readyz", "/metrics"} <= set(paths)
    for path, methods in paths.items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["description"], path
            assert all(each.get("description") for each in operation.get("parameters", [])), path
    assert client.get("/docs").status_code == 200


def test_the_documentation_needs_no_other_host(client: TestClient) -> None:
    """Every file that the page names is served beside it, and nothing names another host."""
    page = client.get("/docs").text
    named = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert len(named) == 3
    assert "://" not in page
    assert [client.get(each).status_code for each in named] == [200] * 3


def test_emits_no_spans_of_its_own(own_app: FastAPI, own_client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tracer set up in the process a request leaves no span, so the ledger never fills with its own reports."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)

    assert own_client.get("/api/analytics/cost/users").status_code == 200
    own_app.add_api_route("/own", lambda: trace.get_tracer("test").start_span("own").end())
    own_client.get("/own")

    assert [span.name for span in exporter.get_finished_spans()] == ["own"]


@pytest.mark.parametrize("path", ["/api/analytics/cost/users", "/healthz", "/nowhere"])
def test_every_answer_keeps_browsers_careful(client: TestClient, path: str) -> None:
    """The headers are there whatever the answer is."""
    answer = client.get(path)

    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS

"""Probes and counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from spanledger_api.metrics import REQUEST_SECONDS, REQUESTS

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger


def test_alive_and_ready(client: TestClient) -> None:
    """Over a migrated ledger both probes are content."""
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_not_ready_without_the_schema_but_alive(ledger: Ledger, client: TestClient) -> None:
    """A ledger that lacks a view is 503 with the command to run; the process lives all the same."""
    ledger.command("RENAME TABLE cost_records TO cost_records_away")
    try:
        answer = client.get("/readyz")
        alive = client.get("/healthz")
    finally:
        ledger.command("RENAME TABLE cost_records_away TO cost_records")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "spanledger migrate" in answer.json()["detail"]
    assert alive.status_code == 200


def test_counts_requests_by_route_and_status(own_client: TestClient) -> None:
    """Paths are counted by their template and unknown ones together, so that no caller can grow the counters."""
    for path in (
        "/api/executions/a",
        "/api/executions/b",
        "/nowhere",
        "/elsewhere",
        "/api/analytics/cost/users?topN=0",
    ):
        own_client.get(path)

    families = {family.name: family for family in text_string_to_metric_families(own_client.get("/metrics").text)}

    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in families[REQUESTS].samples
        if sample.name == f"{REQUESTS}_total"
    }
    assert counted == {
        ("/api/executions/{execution_id}", "404"): 2,
        ("unmatched", "404"): 2,
        ("/api/analytics/cost/users", "422"): 1,
    }
    assert REQUEST_SECONDS in families

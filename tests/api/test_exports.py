"""Exports over HTTP take turns of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger_clickhouse.query_slots import QuerySlots

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

_ASKED = {"format": "csv", "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}


def test_an_export_waits_for_its_turn(own_app: FastAPI, own_client: TestClient, ledger: Ledger) -> None:
    """While as many exports run as may, another one is refused with when to ask again; reports are still answered."""
    del ledger
    own_app.state.export_slots = slots = QuerySlots(running=1, waiting=1, seconds=0.01)

    with slots.taken():
        refused = own_client.get("/api/export", params=_ASKED)
        report = own_client.get("/api/analytics/cost/users")
    answers = [own_client.get("/api/export", params=_ASKED) for _ in range(2)]

    assert (refused.status_code, report.status_code) == (503, 200)
    assert int(refused.headers["Retry-After"]) > 0
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all(answer.text.startswith("record_id,") for answer in answers)

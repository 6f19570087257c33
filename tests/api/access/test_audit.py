"""What administrators did is kept, in order and with its author."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spanledger_api.access import Action, Authentication, Principal, Role, record

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger


def test_what_was_done_is_kept(ledger: Ledger) -> None:
    """A line says who did what to which thing, when, and what else matters."""
    actor = Principal(Authentication.KEY, Role.ADMIN, key_id="k1", name="deploy")
    record(ledger, actor, Action.KEY_CREATED, "k2", {"role": "read"})

    (line,) = ledger.query("SELECT * FROM audit_log")

    assert {name: line[name] for name in ("actor", "actor_name", "action", "subject")} == {
        "actor": "k1",
        "actor_name": "deploy",
        "action": "key.created",
        "subject": "k2",
    }
    assert json.loads(str(line["detail"])) == {"role": "read"}
    assert line["recorded_at"]


def test_dismissals_are_kept(guarded: TestClient, ledger: Ledger) -> None:
    """Advice that somebody puts away, or takes back, leaves a line each."""
    for method in ("POST", "DELETE"):
        assert guarded.request(method, f"/api/recommendations/{'0' * 16}/dismissal").status_code == 204

    actions = ledger.query("SELECT action, subject FROM audit_log ORDER BY recorded_at")

    assert [line["action"] for line in actions] == ["recommendation.dismissed", "recommendation.restored"]
    assert {line["subject"] for line in actions} == {"0" * 16}

"""Whether anything has changed: a tag that stays while nothing does."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

_PATH = "/api/freshness"


def test_an_empty_ledger_has_no_newest_record(ledger: Ledger, client: TestClient) -> None:
    """Before the first record both times are null."""
    del ledger

    assert client.get(_PATH).json() == {"newest_arrival": None, "changed_at": None}


def test_the_tag_changes_with_the_ledger(ledger: Ledger, client: TestClient) -> None:
    """The tag is known until a record arrives, and then the newest arrival is stated."""
    before = client.get(_PATH).headers["ETag"]
    unchanged = client.get(_PATH, headers={"If-None-Match": before})
    store(ledger, [Span(service="openai", cost=Decimal(1))])
    after = client.get(_PATH, headers={"If-None-Match": before})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert after.status_code == 200
    assert after.headers["ETag"] != before
    arrived, changed = (datetime.fromisoformat(after.json()[name]) for name in ("newest_arrival", "changed_at"))
    assert arrived <= changed

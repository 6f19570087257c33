"""Whether anything has changed: a tag that stays while nothing does."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from unittest import mock
from weakref import WeakKeyDictionary

from spanledger_api import headers
from spanledger_clickhouse.rollups import Source, moment
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


def test_what_is_new_is_told_once_reports_hold_it(ledger: Ledger, client: TestClient) -> None:
    """Where reports are answered as of a moment, nothing that came later is announced yet."""
    store(ledger, [Span(service="openai", cost=Decimal(1))])
    with (
        mock.patch.object(moment, "_published", WeakKeyDictionary[object, object]()),
        mock.patch.object(moment, "_told", WeakKeyDictionary[object, object]()),
        mock.patch.object(moment, "_MOST_SECONDS", 600),
    ):
        with moment.taking_in(ledger) as taken:
            for source in Source:
                taken.known_of(ledger, source)
        moment.publish(ledger, taken)
        before = client.get(_PATH)
        store(ledger, [Span(service="openai", cost=Decimal(2))])
        as_of_then = client.get(_PATH, headers={"If-None-Match": before.headers["ETag"]})
        report = client.get("/api/analytics/cost/services")
    later = client.get(_PATH)

    assert as_of_then.status_code == 304
    assert report.headers[headers.DATA_AS_OF] == before.json()["newest_arrival"] < later.json()["newest_arrival"]

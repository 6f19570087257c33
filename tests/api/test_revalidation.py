"""Closed periods are asked for once: tags that change with the content, HEAD, and compression."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

USERS = "/api/analytics/cost/users"
CLOSED = {"from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}


def _settle(ledger: Ledger, ago: timedelta = timedelta(minutes=2)) -> None:
    """Make every change an earlier one, as if so much time had passed since."""
    ledger.command("OPTIMIZE TABLE arrivals_local FINAL")
    then = datetime.now(UTC) - ago
    ledger.command(
        "ALTER TABLE arrivals_local UPDATE changed = {then:DateTime64(3, 'UTC')} WHERE 1 SETTINGS mutations_sync = 2",
        {"then": then},
    )


def test_a_closed_period_is_revalidated_until_it_changes(ledger: Ledger, client: TestClient) -> None:
    """The tag is answered with 304 as long as nothing was written to the period, and with the new rows then."""
    inside = datetime(2026, 2, 10, tzinfo=UTC)
    store(ledger, [Span(service="s3", user="u", cost=Decimal(1), start=inside)])
    _settle(ledger)
    first = client.get(USERS, params=CLOSED)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"

    again = client.get(USERS, params=CLOSED, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)

    store(ledger, [Span(service="s3", user="u", cost=Decimal(2), start=inside)])
    just_now = client.get(USERS, params=CLOSED, headers={"If-None-Match": tag})
    assert just_now.json()[0]["total_cost"] == 3
    assert "ETag" not in just_now.headers  # another write could still be on its way in the same moment
    _settle(ledger, timedelta(seconds=90))
    assert client.get(USERS, params=CLOSED, headers={"If-None-Match": tag}).status_code == 200


def test_a_tag_stands_for_one_answer_only(ledger: Ledger, client: TestClient) -> None:
    """Another filter, form, window or coding has another tag; writes to other days leave it alone."""
    store(ledger, [Span(service="s3", user="u", cost=Decimal(1), start=datetime(2026, 2, 10, tzinfo=UTC))])
    _settle(ledger)
    asked = [
        CLOSED,
        {**CLOSED, "topN": "9"},
        {**CLOSED, "format": "csv"},
        {**CLOSED, "to": "2026-02-28T00:00:00Z"},
    ]
    tags = [client.get(USERS, params=each).headers["ETag"] for each in asked]
    tags.append(client.get(USERS, params=CLOSED, headers={"Accept-Encoding": "identity"}).headers["ETag"])
    tags.append(client.get("/api/analytics/cost/services", params=CLOSED).headers["ETag"])
    assert len(set(tags)) == len(tags)

    store(ledger, [Span(service="s3", cost=Decimal(1), start=NOW)])
    assert client.get(USERS, params=CLOSED).headers["ETag"] == tags[0]


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("end", [None, "2026-03-14T15:05:26Z", "2026-03-15T00:00:00Z"])
def test_an_open_period_is_never_kept(client: TestClient, end: str | None) -> None:
    """A window without an end, or that ended under five minutes ago, has no tag and is stored nowhere."""
    answer = client.get(USERS, params={"from": "2026-03-01T00:00:00Z"} | ({"to": end} if end else {}))

    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [USERS, "/api/executions", "/healthz", "/nowhere"])
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    """Status, type and length are those of GET."""
    told, got = client.head(path), client.get(path)

    assert told.content == b""
    assert told.status_code == got.status_code
    assert told.headers["Content-Type"] == got.headers["Content-Type"]
    assert abs(int(told.headers["Content-Length"]) - len(got.content)) <= 2  # a problem's instance differs
    assert client.post(path).status_code in {404, 405}


def test_large_answers_are_compressed(ledger: Ledger, client: TestClient) -> None:
    """A body worth it is gzip where the reader takes it, and is the same inside."""
    store(ledger, [Span(service="s3", user=f"user-{n}", cost=Decimal(n)) for n in range(100)])
    params = {"topN": 100}

    plain = client.get(USERS, params=params, headers={"Accept-Encoding": "identity"})
    with client.stream("GET", USERS, params=params, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 2

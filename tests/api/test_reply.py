"""What travels beside a report: freshness, currency, and how well it is priced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger_api import headers
from spanledger_api.times import nanoseconds_of, parse_rfc3339
from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

USERS = "/api/analytics/cost/users"
BOTTLENECK = "/api/analytics/performance/bottleneck?taskType=t"


@pytest.mark.usefixtures("ledger")
def test_an_empty_ledger_has_no_age(client: TestClient) -> None:
    """Without records there is no time of arrival, and no share of anything."""
    answer = client.get(USERS)

    assert answer.json() == []
    assert headers.DATA_AS_OF not in answer.headers
    assert answer.headers[headers.CURRENCY] == "USD"
    assert answer.headers[headers.UNPRICED_SHARE] == "0"
    assert answer.headers[headers.FALLBACK_SHARE] == "0"


def test_says_what_share_is_unpriced_or_a_fallback(ledger: Ledger, client: TestClient) -> None:
    """Unpriced is a share of the records, fallback one of the amount; both are of what the report covers."""
    store(
        ledger,
        [
            Span(service="openai", cost=Decimal("0.3")),
            Span(service="openai", cost=Decimal("0.1"), source="fallback"),
            Span(service="openai", source="unpriced"),
            Span(service="s3", source="unpriced"),
            Span(service="openai", source="unpriced", start=NOW - timedelta(days=40)),
        ],
    )

    everything = client.get(USERS).headers
    assert everything[headers.UNPRICED_SHARE] == "0.5"
    assert everything[headers.FALLBACK_SHARE] == "0.25"
    prompts = client.get("/api/analytics/cost/prompts").headers
    assert prompts[headers.UNPRICED_SHARE] == "0.333333333333"


def test_says_when_the_newest_record_arrived(ledger: Ledger, client: TestClient) -> None:
    """The time is that of arrival, not of the span, and records outside the report's window count."""
    before = nanoseconds_of(datetime.now(UTC)) - 1_000_000
    store(ledger, [Span(service="s3", cost=Decimal(1), start=NOW - timedelta(days=400))])

    as_of = client.get(USERS).headers[headers.DATA_AS_OF]

    assert before <= parse_rfc3339(as_of) <= nanoseconds_of(datetime.now(UTC))
    store(ledger, [Span(task="t", step="s", start=NOW)])
    assert parse_rfc3339(client.get(USERS).headers[headers.DATA_AS_OF]) > parse_rfc3339(as_of)


def test_whatever_arrives_last_is_the_newest(ledger: Ledger, client: TestClient) -> None:
    """A span of last week that arrives now is news of now, however fresh the rest of the ledger is."""
    store(ledger, [Span(service="s3", cost=Decimal(1), start=NOW - timedelta(hours=1))])
    as_of = client.get(USERS).headers[headers.DATA_AS_OF]

    store(ledger, [Span(service="s3", cost=Decimal(1), start=NOW - timedelta(days=10))])

    assert parse_rfc3339(client.get(USERS).headers[headers.DATA_AS_OF]) > parse_rfc3339(as_of)


def test_a_report_without_amounts_says_its_age_only(ledger: Ledger, client: TestClient) -> None:
    """Durations have no currency and no price."""
    store(ledger, [Span(task="t", step="s")])

    answer = client.get(BOTTLENECK)

    assert headers.DATA_AS_OF in answer.headers
    assert not {headers.CURRENCY, headers.UNPRICED_SHARE, headers.FALLBACK_SHARE} & set(answer.headers)

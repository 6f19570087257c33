"""How far the data can be trusted, in one answer."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.pricing import PriceBook
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

PATH = "/api/health/data"


def test_counts_and_shares_are_of_the_window(ledger: Ledger, client: TestClient) -> None:
    """Unpriced is a share of the records; fallback and unattributed ones of the amount."""
    store(
        ledger,
        [
            Span(service="s3", cost=Decimal(3), user="u"),
            Span(service="s3", cost=Decimal(1), source="fallback"),
            Span(service="s3", source="unpriced", user="u"),
            Span(service="s3", source="unpriced", user="u"),
            Span(task="t", step="s"),
        ],
    )

    found = json.loads(client.get(PATH).text, parse_float=Decimal)

    assert found.pop("newest_arrival").endswith("Z")
    assert found.pop("lag") == 0  # the test's clock is behind the ledger's
    rows = PriceBook.from_environment().rows()
    assert found == {
        "cost_records_count": 4,
        "performance_records_count": 1,
        "unpriced_count": 2,
        "unpriced_share": Decimal("0.5"),
        "fallback_count": 1,
        "fallback_share": Decimal("0.25"),
        "unattributed_count": 1,
        "unattributed_share": Decimal("0.25"),
        "price_rows_count": len(rows),
        "price_book_date": max(row.effective_from.isoformat() for row in rows),
    }


@pytest.mark.usefixtures("ledger")
def test_an_empty_ledger_has_no_lag(client: TestClient) -> None:
    """Nothing arrived, so there is nothing to be late."""
    found = client.get(PATH).json()

    assert (found["newest_arrival"], found["lag"], found["unpriced_share"]) == (None, None, 0)

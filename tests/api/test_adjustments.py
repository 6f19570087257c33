"""What was changed after the fact can be read over the API."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.pricing import Calculator, PriceBook
from spanledger_clickhouse.repricing import Repricer
from tests.clickhouse.repricing.conftest import EVERYTHING, NEW_PRICES, arrive, chat, transcription

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.repricing import Batch

    Get = Callable[..., list[dict[str, object]]]


@pytest.fixture
def batch(ledger: Ledger, tmp_path: Path) -> Batch:
    """One re-pricing of two records."""
    file = tmp_path / "prices.toml"
    file.write_text(NEW_PRICES)
    book = PriceBook.with_overrides(file)
    arrive(ledger, 1, chat())
    arrive(ledger, 2, transcription())
    repricer = Repricer(ledger, book, Calculator(book))
    return repricer.reprice(EVERYTHING, repricer.preview(EVERYTHING), reason="contract", by="ann")


def test_adjustments_say_what_became_of_a_record(get: Get, batch: Batch) -> None:
    """Amounts are exact, ids lead to record and batch, and the filters narrow."""
    found = get("/api/adjustments", {"service": "whisper", "batchId": batch.batch_id, "from": "2026-11-02T00:00:00Z"})

    [row] = found
    assert (row["total_cost_before"], row["total_cost_after"]) == (Decimal("0.009"), Decimal("0.027"))
    assert (row["difference"], row["why"], row["recorded_by"]) == (Decimal("0.018"), "contract", "ann")
    assert str(row["started_at"]).endswith(".123456789Z")
    assert get("/api/adjustments", {"userId": "u1", "service": "whisper"}) == []


def test_adjustments_come_in_pages(client: TestClient, batch: Batch) -> None:
    """A page names the next one; CSV has the same columns."""
    page = client.get("/api/adjustments", params={"limit": 1})

    assert len(page.json()) == 1
    rest = client.get(page.headers["Link"].partition(">")[0][1:])
    assert len(rest.json()) == 1
    assert "Link" not in rest.headers
    sheet = client.get("/api/adjustments", params={"format": "csv", "batchId": batch.batch_id}).text
    assert sheet.splitlines()[0].startswith("adjustment_id,batch_id,undoes,record_id")


def test_batches_say_who_and_how_much(get: Get, client: TestClient, batch: Batch) -> None:
    """A batch has its state and its difference by currency; an unknown state is refused."""
    [row] = get("/api/adjustments/batches")

    assert (row["batch_id"], row["state"], row["adjustments"]) == (batch.batch_id, "applied", 2)
    assert row["difference"] == [{"currency": "USD", "difference": Decimal("0.004")}]
    assert get("/api/adjustments/batches", {"state": "abandoned"}) == []
    assert client.get("/api/adjustments/batches", params={"state": "lost"}).status_code == 422

"""Paid spans as rows of ``otel_traces``, and what they must add up to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["COLUMNS", "paid_rows", "totals"]

COLUMNS: Final = ["Timestamp", "TraceId", "SpanId", "SpanName", "Duration", "SpanAttributes"]
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


def paid_rows(count: int) -> list[list[object]]:
    """So many spans of 0.01 USD each, always the same."""
    attributes = {"cost.service": "openai", "cost.total_cost": "0.01", "user.id": "user-1"}
    return [
        [_START + timedelta(seconds=number), f"{number:032x}", f"{number + 1:016x}", "chat", 1_000_000, attributes]
        for number in range(count)
    ]


def totals(ledger: Ledger) -> tuple[int, Decimal]:
    """Number and sum of the cost records."""
    [row] = ledger.query("SELECT count() AS records, sum(total_cost) AS total FROM cost_records")
    total = row["total"]
    assert isinstance(total, Decimal)
    return int(str(row["records"])), total

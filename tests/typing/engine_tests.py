"""How an engine's tests use the ledger in memory: checked by mypy and pyright, never run."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import assert_type

from spanledger import propagation, testing


def captures() -> None:
    """Records, steps, executions and totals."""
    with testing.ledger(prices=Path("prices.toml")) as ledger:
        assert_type(ledger, testing.Ledger)
    assert_type(ledger.records, list[testing.CostRecord])
    assert_type(ledger.records[0].total_cost, Decimal | None)
    assert_type(ledger.steps[0].duration, Decimal)
    assert_type(ledger.executions[0].completed_at, datetime | None)
    assert_type(ledger.total("USD", service="s3"), Decimal)


def tells() -> None:
    """Identity to the next service."""
    assert_type(propagation.headers_for("http://render.internal"), dict[str, str])
    assert_type(propagation.is_own("http://render.internal"), bool)
    with propagation.received({"baggage": "user.id=user-1"}) as identity:
        assert_type(identity.user_id, str | None)

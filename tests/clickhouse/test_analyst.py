"""The script for a server's read-only user: statements that ClickHouse reads, over tables that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from spanledger_clickhouse.migrations import Migration

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_SCRIPT = Path(__file__).parents[2] / "clickhouse" / "analyst.sql"


def test_every_statement_is_one(migrated_ledger: Ledger) -> None:
    """ClickHouse's own parser reads each statement; an embedded engine has no users, so none of them runs here."""
    statements = Migration(1, "analyst", _SCRIPT.read_text(encoding="utf-8")).statements

    for statement in statements:
        (row,) = migrated_ledger.query("SELECT formatQuery({sql:String}) AS said", {"sql": statement})
        assert row["said"]
    assert len(statements) > 8


def test_what_is_granted_is_there(migrated_ledger: Ledger) -> None:
    """The role reads tables of the ledger, every one of which the schema has, and not those of keys."""
    granted = set(re.findall(r"ON spanledger\.(\w+)", _SCRIPT.read_text(encoding="utf-8")))
    there = {
        row["name"] for row in migrated_ledger.query("SELECT name FROM system.tables WHERE database = 'spanledger'")
    }

    assert granted <= there
    assert not any("key" in name or "audit" in name for name in granted)

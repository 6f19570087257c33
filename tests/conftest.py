"""What every test may use: one embedded ledger a process, since the engine allows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spanledger_clickhouse.ledger import Ledger, open_ledger
from spanledger_clickhouse.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def migrated_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """An embedded ledger with the current schema, kept for all tests of the process."""
    directory: Path = tmp_path_factory.mktemp("ledger")
    with open_ledger(f"chdb://{directory}") as ledger:
        migrate(ledger)
        yield ledger


@pytest.fixture
def ledger(migrated_ledger: Ledger) -> Ledger:
    """The embedded ledger, emptied."""
    return emptied(migrated_ledger)


def emptied(ledger: Ledger) -> Ledger:
    """The same ledger without rows, for tests that share what they store."""
    stored = ledger.query(
        "SELECT name FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'schema_migrations'"
    )
    for table in stored:
        ledger.command(f"TRUNCATE TABLE {table['name']}")
    return ledger

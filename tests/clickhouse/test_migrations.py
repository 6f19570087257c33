"""The schema is applied in order, once, and never behind anyone's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import MigrationError
from spanledger_clickhouse.migrations import Migration, check_schema, known_migrations, migrate

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger


def test_records_what_it_applied(ledger: Ledger) -> None:
    """Each migration leaves its version, name, checksum and time."""
    rows = ledger.query("SELECT * FROM schema_migrations FINAL ORDER BY version")

    assert [(row["version"], row["name"], row["checksum"]) for row in rows] == [
        (migration.version, migration.name, migration.checksum) for migration in known_migrations()
    ]
    assert all(row["applied_at"] is not None for row in rows)


def test_applies_nothing_twice(ledger: Ledger) -> None:
    """A current ledger is left alone."""
    assert migrate(ledger) == []


def test_survives_an_interruption_between_statement_and_record(ledger: Ledger) -> None:
    """A migration whose statements ran but were not recorded is applied again without harm."""
    newest = known_migrations()[-1]
    ledger.command(
        "ALTER TABLE schema_migrations DELETE WHERE version = {version:UInt32} SETTINGS mutations_sync = 2",
        {"version": newest.version},
    )

    assert migrate(ledger) == [newest]
    assert migrate(ledger) == []


def test_refuses_an_edited_migration(ledger: Ledger) -> None:
    """A file that changed after it ran is named, and nothing is applied."""
    first, *rest = known_migrations()
    edited = Migration(first.version, first.name, first.sql + "\nSELECT 1;")
    extra = Migration(len(rest) + 2, "never", "CREATE TABLE never (x UInt8) ENGINE = Memory;")

    with pytest.raises(MigrationError, match="0001_otel_traces was edited"):
        migrate(ledger, [edited, *rest, extra])

    assert ledger.query("EXISTS TABLE never") == [{"result": 0}]


def test_refuses_a_newer_ledger(ledger: Ledger) -> None:
    """A ledger with a migration this program does not know is left alone."""
    with pytest.raises(MigrationError, match="upgrade Spanledger"):
        migrate(ledger, known_migrations()[:-1])


def test_a_schema_is_checked_without_changing_it(ledger: Ledger) -> None:
    """A current schema passes; one that lacks a migration is named and left as it is."""
    check_schema(ledger)
    newest = known_migrations()[-1]
    ledger.command(
        "ALTER TABLE schema_migrations DELETE WHERE version = {version:UInt32} SETTINGS mutations_sync = 2",
        {"version": newest.version},
    )

    with pytest.raises(MigrationError, match=f"lacks migration {newest.version:04d}_{newest.name}"):
        check_schema(ledger)

    assert migrate(ledger) == [newest]


def test_a_comment_may_be_mended() -> None:
    """Only statements count for the checksum, not the comments beside them."""
    before = Migration(1, "x", "-- why\nSELECT 1;\n")
    after = Migration(1, "x", "-- a better reason; with a semicolon\n\nSELECT 1;\n")

    assert before.checksum == after.checksum
    assert after.statements == ["SELECT 1"]

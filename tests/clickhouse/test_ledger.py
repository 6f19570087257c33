"""Connections: values come back exact, and a directory has one holder."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import ConfigurationError, LedgerUnavailableError
from spanledger_clickhouse.background_ledger import BackgroundLedger
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.priority import BACKGROUND_NICE

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger


def test_returns_exact_values(ledger: Ledger) -> None:
    """Decimals keep every digit and times are aware and in UTC."""
    rows = ledger.query(
        "SELECT {amount:Decimal(38, 12)} AS amount, toDateTime64('2026-11-22 01:02:03.5', 9, 'UTC') AS moment",
        {"amount": "12345678901234567890123456.123456789012"},
    )

    assert rows == [
        {
            "amount": Decimal("12345678901234567890123456.123456789012"),
            "moment": datetime(2026, 11, 22, 1, 2, 3, 500000, tzinfo=UTC),
        }
    ]


def test_serves_many_threads(ledger: Ledger) -> None:
    """Statements of several threads run side by side, each with its own answer."""
    answers: dict[int, object] = {}

    def ask(number: int) -> None:
        answers[number] = ledger.query("SELECT {number:UInt32} + sleepEachRow(0) AS n", {"number": number})[0]["n"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: number for number in range(16)}


def test_a_failed_statement_leaves_the_connection_usable(ledger: Ledger) -> None:
    """After a refused statement the next one works."""
    with pytest.raises(Exception, match=r"UNKNOWN_TABLE"):
        ledger.query("SELECT * FROM absent")

    assert ledger.query("SELECT 1 AS one") == [{"one": 1}]


def test_a_held_directory_names_its_holder(tmp_path: Path) -> None:
    """A second process is refused with the id of the first, before the engine can fail obscurely."""
    holder = (
        "import sys; from pathlib import Path; from spanledger_clickhouse.directory_lock import DirectoryLock\n"
        "held = DirectoryLock(Path(sys.argv[1])); held.acquire(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"

        with pytest.raises(LedgerUnavailableError, match=f"held by process {process.pid};"):
            open_ledger(f"chdb://{tmp_path}")

        process.communicate("")


def test_an_absent_server_is_named() -> None:
    """A server that does not answer is a retryable error that says where it was looked for."""
    with pytest.raises(LedgerUnavailableError, match=r"127\.0\.0\.1:9"):
        open_ledger("clickhouse://127.0.0.1:9/spanledger")


def test_a_database_name_cannot_carry_sql() -> None:
    """Only letters, digits and underscores make a database name."""
    with pytest.raises((ConfigurationError, LedgerUnavailableError)):
        open_ledger("clickhouse://127.0.0.1:9/a`b")


def test_statements_of_the_background_step_back(ledger: Ledger) -> None:
    """They run at a lower priority than those of the ledger they go to, and say the same."""
    background = BackgroundLedger(ledger)
    nice = "SELECT getSetting('os_threads_nice_value_query') AS nice"
    background.command("CREATE TABLE once (number Int32) ENGINE = Memory")
    background.command("INSERT INTO once SELECT {number:Int32}", {"number": 7})

    assert ledger.query(nice) == [{"nice": 0}]
    assert background.query(nice) == [{"nice": BACKGROUND_NICE}]
    assert ledger.query("SELECT number FROM once") == [{"number": 7}]
    assert background.origin is ledger

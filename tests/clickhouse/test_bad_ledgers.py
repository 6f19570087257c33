"""A ledger that cannot be used says why, and keeps what it has."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# The engine keeps this much of the disk free, which no disk has: to it there is no room left.
_NO_ROOM = """<clickhouse><storage_configuration><disks><default>
    <keep_free_space_bytes>1000000000000000000</keep_free_space_bytes>
</default></disks></storage_configuration></clickhouse>"""
_SUM = """
import sys
from datetime import UTC, datetime
from decimal import Decimal
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.api.spans import Span, store
with open_ledger(sys.argv[1]) as ledger:
    if len(sys.argv) > 2:
        migrate(ledger)
        store(ledger, [Span(start=datetime.now(UTC), service="s3", cost=Decimal("0.25")) for _ in range(30)])
    [row] = ledger.query("SELECT toString(sum(total_cost)) AS total, count() AS records FROM cost_records")
    print(row["total"], row["records"])
"""


def _migrate(dsn: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spanledger_api", "migrate", "--dsn", dsn]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_full_disk_fails_the_insert_and_nothing_else(tmp_path: Path) -> None:
    """Without room an insert is an error that may pass; with room again it works, and nothing was lost or doubled."""
    command = [sys.executable, "-c", _SUM, f"chdb://{tmp_path}/ledger"]
    before = subprocess.run([*command, "fill"], capture_output=True, text=True, check=True)
    configuration = tmp_path / "ledger" / "conf.d" / "full.xml"
    configuration.parent.mkdir()
    configuration.write_text(_NO_ROOM)

    full = subprocess.run([*command, "fill"], capture_output=True, text=True, check=False)
    configuration.unlink()
    after = subprocess.run(command, capture_output=True, text=True, check=True)

    assert full.returncode == 1
    assert "NOT_ENOUGH_SPACE" in full.stderr
    assert after.stdout == before.stdout


def test_a_restored_directory_is_the_same_ledger(tmp_path: Path) -> None:
    """The copy of a stopped ledger's directory opens with the same sums; the original goes on beside it."""
    command = [sys.executable, "-c", _SUM]
    before = subprocess.run([*command, f"chdb://{tmp_path}/ledger", "fill"], capture_output=True, text=True, check=True)

    shutil.copytree(tmp_path / "ledger", tmp_path / "restored", symlinks=True)

    after = subprocess.run([*command, f"chdb://{tmp_path}/restored"], capture_output=True, text=True, check=True)
    assert after.stdout == before.stdout == "7.5 30\n"


def test_a_wrong_dsn_and_an_unreachable_host_are_named() -> None:
    """One line says what is wrong, without the password and without a traceback."""
    for dsn, told in (
        ("postgres://me:secret@host/db", "is not one"),
        ("clickhouse://me:secret@127.0.0.1:9", "127.0.0.1:9"),
    ):
        done = _migrate(dsn)

        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr
        assert "secret" not in done.stderr
        assert "Traceback" not in done.stderr

"""Two processes before one server: one holds the lease, and when it dies the other takes over."""

from __future__ import annotations

import select
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.clickhouse.admin_server import admin_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CANDIDATE = """
import sys, time
from spanledger_clickhouse.leases import Lease, LedgerLeaseLog
from spanledger_clickhouse.ledger import open_ledger
with open_ledger(sys.argv[1]) as ledger:
    lease = Lease(LedgerLeaseLog(ledger, "work"), holder=sys.argv[2], seconds=3, settle=1)
    print("ready", flush=True)
    while True:
        if lease.keep():
            print(lease.epoch, flush=True)
        time.sleep(0.05)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The DSN of a migrated ledger on a server."""
    with admin_server(tmp_path / "server") as address:
        dsn = f"{address}/books"
        with open_ledger(dsn) as ledger:
            migrate(ledger)
        yield dsn


def _candidate(dsn: str, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _CANDIDATE, dsn, name], stdout=subprocess.PIPE, text=True)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_killed_holder_is_succeeded(server: str) -> None:
    """One of two who want the lease gets it; killed, it is succeeded by the other under a higher epoch."""
    with _candidate(server, "first") as first, _candidate(server, "second") as second:
        try:
            assert [_line(first), _line(second)] == ["ready", "ready"]
            assert first.stdout is not None
            assert second.stdout is not None
            [ready, *_], _, _ = select.select([first.stdout, second.stdout], [], [], 60)
            winner, other = (first, second) if ready is first.stdout else (second, first)
            epoch = int(_line(winner))

            winner.kill()

            assert int(_line(other)) > epoch
        finally:
            first.kill()
            second.kill()
    with open_ledger(server) as ledger:
        holders = {row["epoch"]: row["holder"] for row in ledger.query("SELECT epoch, holder FROM leases")}
    assert holders[epoch] == ("first" if winner is first else "second")

"""``spanledger copy`` from an embedded ledger to a server."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger_clickhouse.ledger import Ledger, open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.api.spans import Span, store
from tests.clickhouse.admin_server import admin_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RECORDS = "SELECT * FROM cost_records ORDER BY record_id"
_FILL = """
import sys
from tests.api.command_line.test_copy import fill
fill(sys.argv[1])
"""


def fill(dsn: str) -> None:
    """A ledger of three months, with a span that came twice."""
    now = datetime.now(UTC)
    with open_ledger(dsn) as ledger:
        migrate(ledger)
        spans = [
            Span(start=now - timedelta(days=40 * (n % 3)), service="s3", cost=Decimal(n) / 7, execution="e")
            for n in range(30)
        ]
        store(ledger, spans)
        store(ledger, spans[:10])
        # As programs wrote records that said the time of their arrival twice.
        ledger.command(
            "INSERT INTO cost_records_local SELECT * REPLACE (arrived_at - 1000 AS created_at, version + 1 AS version) "
            "FROM cost_records_local FINAL WHERE total_cost = 0"
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a filled ledger `old` and the empty ones `new` and `other`; gives its DSN without a database."""
    with admin_server(tmp_path_factory.mktemp("copy") / "server") as address:
        fill(f"{address}/old")
        for database in ("new", "other"):
            with open_ledger(f"{address}/{database}") as ledger:
                migrate(ledger)
        yield address


def _copy(source: str, target: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spanledger_api", "copy", "--from", source, "--to", target, "--json", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _records(ledger: Ledger) -> list[dict[str, object]]:
    return ledger.query(_RECORDS)


def test_a_copy_is_the_same_ledger(server: str) -> None:
    """Every record arrives as it was, a second run copies nothing, and what was changed since is told."""
    source, target = f"{server}/old", f"{server}/new"

    planned = _copy(source, target, "--dry-run")
    first, second = _copy(source, target), _copy(source, target)

    assert sum(part["rows"] for part in json.loads(planned.stdout)) == json.loads(first.stdout)["rows_copied"], first
    assert json.loads(second.stdout) == {"rows_copied": 0, "differences": []}
    with open_ledger(source) as old, open_ledger(target) as new:
        assert _records(new) == _records(old)
        assert len(_records(new)) == 30
        store(new, [Span(start=datetime.now(UTC), service="s3", cost=Decimal(1))])
    compared = _copy(source, target, "--verify")
    assert compared.returncode == 1
    assert "cost_records_local" in compared.stderr


def test_a_copy_into_a_used_ledger_is_refused(server: str) -> None:
    """Rows that no copy put there stay alone."""
    refused = _copy(f"{server}/other", f"{server}/old")

    assert refused.returncode == 1
    assert "copy into a new ledger" in refused.stderr


def test_an_embedded_ledger_moves_to_a_server(server: str, tmp_path: Path) -> None:
    """The records of a directory arrive on a server."""
    subprocess.run([sys.executable, "-c", _FILL, f"chdb://{tmp_path}/embedded"], check=True)

    done = _copy(f"chdb://{tmp_path}/embedded", f"{server}/other")

    assert (done.returncode, json.loads(done.stdout)["differences"]) == (0, []), done.stderr
    with open_ledger(f"{server}/other") as ledger:
        assert len(_records(ledger)) == 30

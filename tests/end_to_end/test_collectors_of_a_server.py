"""Collectors side by side in front of one ledger on a server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger_api.demo.children import Child
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.clickhouse.admin_server import admin_server
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

_FREE_PORTS = ["--otlp-http-port", "0", "--otlp-grpc-port", "0"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server, as a DSN without a database; ``spanledger`` is migrated on it."""
    with admin_server(tmp_path_factory.mktemp("collectors") / "server") as address:
        with open_ledger(f"{address}/spanledger") as ledger:
            migrate(ledger)
        yield address


def _post(address: str, body: bytes) -> int:
    headers = {"content-type": "application/x-protobuf"}
    return httpx.post(f"{address}/v1/traces", content=body, headers=headers, timeout=20).status_code


@contextmanager
def _collector(dsn: str, directory: Path) -> Generator[Child]:
    """``spanledger collector`` for a ledger on a server, as a process."""
    arguments = ["collector", "--dsn", dsn, "--directory", str(directory), "--no-rating", *_FREE_PORTS]
    with Child("collector", "spanledger_api", arguments, log=directory.with_suffix(".log")) as child:
        yield child


def test_two_collectors_fill_one_ledger_exactly(server: str, tmp_path: Path) -> None:
    """The same spans through two collectors, which know nothing of each other, are in the ledger once."""
    dsn, directories = f"{server}/spanledger", [tmp_path / "first", tmp_path / "second"]
    with _collector(dsn, directories[0]) as first, _collector(dsn, directories[1]) as second:
        addresses = [json.loads(child.line(60))["otlp_http"] for child in (first, second)]
        for _ in range(5):
            body = request_of(paid("0.1"), paid("0.2")).SerializeToString()
            assert [_post(address, body) for address in addresses] == [200, 200]
        deadline = time.monotonic() + 60
        while any(any((path / "segments").iterdir()) for path in directories):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with open_ledger(dsn) as ledger:
        [row] = ledger.query("SELECT sum(total_cost) AS cost, count() AS records FROM cost_records")
    assert (row["cost"], row["records"]) == (Decimal("1.5"), 10)


def test_a_collector_of_a_server_says_what_it_lacks(server: str, tmp_path: Path) -> None:
    """Without a directory of its own, or before there is a schema, it does not start and names the next step."""
    command = [sys.executable, "-m", "spanledger_api", "collector", *_FREE_PORTS, "--dsn"]

    no_directory = subprocess.run([*command, f"{server}/spanledger"], capture_output=True, text=True, check=False)
    no_schema = subprocess.run(
        [*command, f"{server}/other", "--directory", str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert (no_directory.returncode, no_schema.returncode) == (1, 1)
    assert "--directory" in no_directory.stderr
    assert "spanledger migrate" in no_schema.stderr

"""Collectors side by side in front of one ledger that is reached over ClickHouse's protocol."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from spanledger_api.demo.children import Child
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.end_to_end.running import Running

_FREE_PORTS = ["--otlp-http-port", "0", "--otlp-grpc-port", "0"]


def _post(address: str, body: bytes) -> int:
    headers = {"content-type": "application/x-protobuf"}
    return httpx.post(f"{address}/v1/traces", content=body, headers=headers, timeout=20).status_code


@contextmanager
def _collector(dsn: str, directory: Path) -> Generator[Child]:
    """``spanledger collector`` for a ledger on a server, as a process."""
    arguments = ["collector", "--dsn", dsn, "--directory", str(directory), "--no-rating", *_FREE_PORTS]
    with Child("collector", "spanledger_api", arguments, log=directory.with_suffix(".log")) as child:
        yield child


def test_two_collectors_fill_one_ledger_exactly(spanledger_up: Running, tmp_path: Path) -> None:
    """The same spans through two collectors, which know nothing of each other, are in the reports once."""
    dsn = spanledger_up.clickhouse.replace("http://", "clickhouse://") + "/spanledger"
    directories = [tmp_path / "first", tmp_path / "second"]
    with _collector(dsn, directories[0]) as first, _collector(dsn, directories[1]) as second:
        addresses = [json.loads(child.line(60))["otlp_http"] for child in (first, second)]
        for _ in range(5):
            body = request_of(paid("0.1"), paid("0.2")).SerializeToString()
            assert [_post(address, body) for address in addresses] == [200, 200]
        spanledger_up.wait_for(lambda: not any(any((path / "segments").iterdir()) for path in directories))

    [user] = spanledger_up.report("cost/users")
    assert (user["total_cost"], user["operations_count"]) == (Decimal("1.5"), 10)


def test_a_collector_of_a_server_says_what_it_lacks(spanledger_up: Running, tmp_path: Path) -> None:
    """Without a directory of its own, or before there is a schema, it does not start and names the next step."""
    server = spanledger_up.clickhouse.replace("http://", "clickhouse://")
    command = [sys.executable, "-m", "spanledger_api", "collector", *_FREE_PORTS, "--dsn"]

    no_directory = subprocess.run([*command, f"{server}/spanledger"], capture_output=True, text=True, check=False)
    no_schema = subprocess.run(
        [*command, f"{server}/other", "--directory", str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert (no_directory.returncode, no_schema.returncode) == (1, 1)
    assert "--directory" in no_directory.stderr
    assert "spanledger migrate" in no_schema.stderr

"""ClickHouse's Go driver works unchanged over HTTP: what the OpenTelemetry Collector and Grafana speak through."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.clickhouse.http_interface.spans import totals
from tests.clients.go_programs import go_program

if TYPE_CHECKING:
    from spanledger_api.http_server import HttpServer
    from spanledger_clickhouse.ledger import Ledger


def test_the_driver_of_go(interface: HttpServer, ledger: Ledger) -> None:
    """It connects, inserts and reads with each compression it has, and the totals are exact."""
    program = go_program(Path(__file__).with_name("go_client"))
    ran = subprocess.run(
        [program, f"127.0.0.1:{interface.port}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["none", "lz4", "zstd", "gzip", "deflate"]
    assert str(totals(ledger)) == "(5000, Decimal('5.000000000000'))"

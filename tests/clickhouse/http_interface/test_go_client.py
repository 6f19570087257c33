"""ClickHouse's Go driver works unchanged over HTTP: what the OpenTelemetry Collector and Grafana speak through."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.clickhouse.http_interface.spans import totals

if TYPE_CHECKING:
    from spanledger_api.http_server import HttpServer
    from spanledger_clickhouse.ledger import Ledger

_SOURCE: Final = Path(__file__).with_name("go_client")
_CACHE: Final = Path(__file__).parents[3] / ".cache" / "clients"
_BUILD_SECONDS: Final = 300


def _program() -> Path:
    """The client, built once for each state of its sources."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_SOURCE.iterdir()))).hexdigest()[:16]
    program = _CACHE / f"go-{digest}"
    if program.exists():
        return program
    if shutil.which("go") is None:
        _missing("there is no Go to build the client with")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "go.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-mod=readonly",
            "GOWORK": "off",
        }
        built = subprocess.run(
            ["go", "build", "-o", program, "."],  # noqa: S607 - Go is where the machine has it
            cwd=_SOURCE,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_BUILD_SECONDS,
        )
    if built.returncode != 0:
        _missing(f"the client cannot be built: {built.stderr}")
    return program


def _missing(reason: str) -> None:
    if os.environ.get("SPANLEDGER_REQUIRE_GO") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def test_the_driver_of_go(interface: HttpServer, ledger: Ledger) -> None:
    """It connects, inserts and reads with each compression it has, and the totals are exact."""
    ran = subprocess.run(
        [_program(), f"127.0.0.1:{interface.port}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["none", "lz4", "zstd", "gzip", "deflate"]
    assert str(totals(ledger)) == "(5000, Decimal('5.000000000000'))"

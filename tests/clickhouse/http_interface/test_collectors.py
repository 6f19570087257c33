"""Collectors write through the port: telemetry in, reports out, to the last digit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.clients.environments import Environments
from tests.collector.otelcol.conftest import BINARY, Otelcol
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS: Final = 30
_AMOUNTS: Final = ["0.000000000001", "0.123456789012", "1234567.89", "0.1", "0.2", *(["0.000001"] * 495)]
_TOTAL: Final = sum(map(Decimal, _AMOUNTS), Decimal(0))


@dataclass(frozen=True)
class _Product:
    """``spanledger up`` with the ClickHouse port open."""

    api: str
    clickhouse: str

    def wait_for(self, user: str) -> None:
        """Until a user's report holds every amount, exactly once."""
        deadline = time.monotonic() + _SECONDS
        while (spent := self._spent_by(user)) != (len(_AMOUNTS), _TOTAL):
            assert time.monotonic() < deadline, spent
            time.sleep(0.05)

    def _spent_by(self, user: str) -> tuple[int, Decimal]:
        answer = httpx.get(f"{self.api}/api/analytics/cost/users", params={"period": "yearly"})
        for row in json.loads(answer.content, parse_float=Decimal):
            if row["user_id"] == user:
                return int(row["operations_count"]), Decimal(row["total_cost"])
        return 0, Decimal(0)


def _start(directory: Path) -> tuple[subprocess.Popen[str], _Product]:
    command = [sys.executable, "-m", "spanledger_api", "up", "--dsn", f"chdb://{directory}"]
    ports = [word for name in ("otlp-http", "otlp-grpc", "api", "clickhouse") for word in (f"--{name}-port", "0")]
    process = subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    return process, _Product(ready["api"], ready["clickhouse"])


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Product]:
    """The product on a ledger of its own, ended by SIGTERM."""
    process, running = _start(tmp_path_factory.mktemp("ledger"))
    yield running
    _stop(process)


@pytest.fixture
def otelcol(tmp_path: Path) -> Otelcol:
    """The built collector; without it the test is skipped, or fails where SPANLEDGER_REQUIRE_OTELCOL=1 asks for it."""
    if not BINARY.exists():
        reason = "there is no Go to build it with" if shutil.which("go") is None else "run `make collector` to build it"
        if os.environ.get("SPANLEDGER_REQUIRE_OTELCOL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return Otelcol(BINARY, tmp_path)


@pytest.fixture
def rotel() -> Iterator[Path]:
    """The program of the rotel collector, from an environment of its own."""
    environments = Environments()
    yield environments.rotel()
    environments.close()


def _body(user: str) -> bytes:
    return request_of(*(paid(amount, **{"user.id": user}) for amount in _AMOUNTS)).SerializeToString()


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", "none"])
def test_otelcol(product: _Product, otelcol: Otelcol, compression: str) -> None:
    """The OpenTelemetry Collector delivers, each batch twice, and the report counts every span once."""
    user, last = f"otelcol-{compression}", f"otelcol-{compression}-last"
    body = _body(user)
    chosen = f"yaml:exporters::clickhouse::compress: {compression}"
    with otelcol.running("otel-collector.yaml", chosen, SPANLEDGER_CLICKHOUSE_ENDPOINT=product.clickhouse):
        for sent in (body, body, _body(last)):
            assert otelcol.send(sent).status_code == 200
        product.wait_for(last)
        product.wait_for(user)


@pytest.mark.parametrize("compression", ["lz4", "none"])
def test_rotel(product: _Product, rotel: Path, tmp_path: Path, compression: str) -> None:
    """Rotel delivers in RowBinary, and the report counts every span once."""
    grpc, http = _free_port(), _free_port()
    options = {
        "otlp-grpc-endpoint": f"127.0.0.1:{grpc}",
        "otlp-http-endpoint": f"127.0.0.1:{http}",
        "exporter": "clickhouse",
        "clickhouse-exporter-endpoint": product.clickhouse,
        "clickhouse-exporter-database": "spanledger",
        "clickhouse-exporter-compression": compression,
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    with (tmp_path / "rotel.log").open("wb") as log:
        agent = subprocess.Popen([rotel, "start", *flags], stdout=log, stderr=log, cwd=tmp_path)
    try:
        _wait_for_port(http)
        headers = {"content-type": "application/x-protobuf"}
        answer = httpx.post(
            f"http://127.0.0.1:{http}/v1/traces", content=_body(f"rotel-{compression}"), headers=headers
        )
        assert answer.status_code == 200
        product.wait_for(f"rotel-{compression}")
    finally:
        agent.terminate()
        agent.wait(_SECONDS)


def test_an_acknowledged_insert_survives_a_kill(tmp_path: Path) -> None:
    """What was answered is in the records of the next process, though this one was killed at once."""
    rows = [
        {
            "Timestamp": time.time_ns() / 1e9,
            "TraceId": f"{number:032x}",
            "SpanId": f"{number + 1:016x}",
            "SpanAttributes": {"cost.service": "openai", "cost.total_cost": amount, "user.id": "killed"},
        }
        for number, amount in enumerate(_AMOUNTS)
    ]
    body = "\n".join(map(json.dumps, rows))
    process, running = _start(tmp_path / "ledger")
    insert = {"query": "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes) FORMAT JSONEachRow"}
    assert httpx.post(running.clickhouse, params=insert, content=body).status_code == 200
    process.kill()
    process.communicate()

    process, running = _start(tmp_path / "ledger")
    running.wait_for("killed")
    assert httpx.post(running.clickhouse, params=insert, content=body).status_code == 200
    running.wait_for("killed")
    _stop(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("the agent did not listen")

"""The built collector, and what it needs around it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.collector.otelcol.clickhouse_port import ClickHousePort

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from spanledger_clickhouse.ledger import Ledger

ROOT = Path(__file__).parents[3]
BINARY = ROOT / "collector" / "build" / "spanledger-otelcol"
READY_SECONDS = 30


def _free_ports() -> tuple[int, int, int, int]:
    """Four ports that nobody has; a collector cannot be asked for the free one that it took itself."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    first, second, third, fourth = (taken.getsockname()[1] for taken in sockets)
    for taken in sockets:
        taken.close()
    return first, second, third, fourth


@dataclass(frozen=True)
class Otelcol:
    """The collector of this repository, with storage of its own that outlives its processes.

    Args:
        binary: The built program.
        directory: For its storage and its log.
        ports: Free ports for OTLP/gRPC, OTLP/HTTP, health and metrics.
    """

    binary: Path
    directory: Path
    ports: tuple[int, int, int, int] = field(default_factory=_free_ports)

    @property
    def url(self) -> str:
        """Base address of the OTLP/HTTP receiver."""
        return f"http://127.0.0.1:{self.ports[1]}"

    def validate(self, *configurations: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Check configurations of this repository, laid one over the other, as ``validate`` does."""
        return self._run("validate", *configurations, environment=environment)

    @contextmanager
    def running(self, *configurations: str, **environment: str) -> Generator[subprocess.Popen[bytes]]:
        """A process that has told it is ready; ended with SIGTERM if it still runs."""
        _, _, health, metrics = self.ports
        reader = f"{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}"
        overrides = (
            f"yaml:extensions::health_check::endpoint: 127.0.0.1:{health}",
            f"yaml:service::telemetry::metrics::readers: [{reader}]",
        )
        command: list[str | Path] = [
            self.binary,
            *_flags(configurations),
            *(f"--config={override}" for override in overrides),
        ]
        with (self.directory / "otelcol.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self._environment(environment), stdout=log, stderr=log)
        try:
            self._wait_until_ready(process, f"http://127.0.0.1:{health}")
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(READY_SECONDS)

    def send(self, body: bytes, **headers: str) -> httpx.Response:
        """Send one request of OTLP/HTTP in protobuf."""
        return httpx.post(
            f"{self.url}/v1/traces", content=body, headers={"content-type": "application/x-protobuf"} | headers
        )

    def log(self) -> str:
        """What every process of it wrote."""
        return (self.directory / "otelcol.log").read_text()

    def _run(self, command: str, *configurations: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.binary, command, *_flags(configurations)],
            cwd=ROOT,
            env=self._environment(environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=READY_SECONDS,
        )

    def _environment(self, given: dict[str, str]) -> dict[str, str]:
        grpc, http, _, _ = self.ports
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("SPANLEDGER_")},
            "SPANLEDGER_OTELCOL_STORAGE": str(self.directory / "storage"),
            "SPANLEDGER_OTLP_GRPC_PORT": str(grpc),
            "SPANLEDGER_OTLP_HTTP_PORT": str(http),
            **given,
        }

    def _wait_until_ready(self, process: subprocess.Popen[bytes], health: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None, self.log()
            try:
                if httpx.get(health).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        pytest.fail(f"the collector did not become ready:\n{self.log()}")


@pytest.fixture
def otelcol(tmp_path: Path) -> Otelcol:
    """The built collector; without it the test is skipped, or fails where SPANLEDGER_REQUIRE_OTELCOL=1 asks for it."""
    if not BINARY.exists():
        why = "there is no Go to build it with" if shutil.which("go") is None else "run `make collector` to build it"
        reason = f"{BINARY.relative_to(ROOT)} is not there: {why}"
        if os.environ.get("SPANLEDGER_REQUIRE_OTELCOL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return Otelcol(BINARY, tmp_path)


@pytest.fixture
def clickhouse(ledger: Ledger) -> Iterator[ClickHousePort]:
    """A ClickHouse port over a table with the columns of ``otel_traces`` that keeps rows of any age."""
    ledger.command("CREATE OR REPLACE TABLE exported ENGINE = Memory AS SELECT * FROM otel_traces WHERE 0")
    with ClickHousePort(ledger, "exported") as port:
        yield port
    ledger.command("DROP TABLE exported")


def _flags(configurations: tuple[str, ...]) -> list[str]:
    return [f"--config={configuration}" for configuration in configurations]

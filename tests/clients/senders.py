"""How each client is made to send: with its own configuration, unchanged, as a process of its own."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.clients.environments import ROOT, Environments, missing
from tests.clients.otlp_json import request_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.clients.lots import Lots

__all__ = [
    "Destination",
    "curl",
    "javascript_sdk",
    "python_json",
    "python_sdk",
    "rotel",
    "run_javascript",
    "run_python",
    "telemetrygen",
]

_HERE: Final = ROOT / "tests" / "clients"
_SECONDS: Final = 60


@dataclass(frozen=True)
class Destination:
    """Where a client sends to.

    Attributes:
        url: Base address, of OTLP/HTTP or OTLP/gRPC.
        compression: ``none``, ``gzip`` or ``deflate``.
        environments: Where clients live that are not in the tests' own environment.
        scratch: A directory of the test.
    """

    url: str
    compression: str
    environments: Environments
    scratch: Path

    def variables(self) -> dict[str, str]:
        """The standard variables that point an OpenTelemetry SDK here."""
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_SERVICE_NAME": "clients"}
        # The Python gRPC exporter refuses the specified word "none".
        return named if self.compression == "none" else named | {"OTEL_EXPORTER_OTLP_COMPRESSION": self.compression}


def run_python(python: Path | str, module: str, lots: Lots, variables: dict[str, str]) -> str:
    """Send the lots with the OpenTelemetry SDK for Python; returns what it logged."""
    return _run([python, _HERE / "programs" / "send_spans.py", module], lots, variables)


def run_javascript(environments: Environments, package: str, lots: Lots, variables: dict[str, str]) -> str:
    """Send the lots with the OpenTelemetry SDK for JavaScript; returns what it logged."""
    packages = environments.javascript()
    node = shutil.which("node") or missing("node is not on the PATH")
    return _run(
        [node, _HERE / "javascript" / "send_spans.cjs", package], lots, variables | {"NODE_PATH": str(packages)}
    )


def _run(command: list[Path | str], lots: Lots, variables: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        input=json.dumps(lots.document()),
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def python_sdk(module: str) -> Callable[[Lots, Destination], None]:
    """Sends with an exporter of the OpenTelemetry SDK for Python, in the tests' own environment."""

    def send(lots: Lots, destination: Destination) -> None:
        run_python(sys.executable, module, lots, destination.variables())

    return send


def python_json(lots: Lots, destination: Destination) -> None:
    """Send with the JSON exporter of the OpenTelemetry SDK for Python."""
    module = "opentelemetry.exporter.otlp.json.http.trace_exporter"
    run_python(destination.environments.python("json_http"), module, lots, destination.variables())


def javascript_sdk(package: str) -> Callable[[Lots, Destination], None]:
    """Sends with an exporter of the OpenTelemetry SDK for JavaScript."""

    def send(lots: Lots, destination: Destination) -> None:
        run_javascript(destination.environments, package, lots, destination.variables())

    return send


def rotel(protocol: str) -> Callable[[Lots, Destination], None]:
    """Sends through a rotel of its own, which passes everything on by ``http`` or ``grpc``."""

    def send(lots: Lots, destination: Destination) -> None:
        grpc, http = _free_port(), _free_port()
        options = {
            "otlp-grpc-endpoint": f"127.0.0.1:{grpc}",
            "otlp-http-endpoint": f"127.0.0.1:{http}",
            "exporter": "otlp",
            "otlp-exporter-endpoint": destination.url,
            "otlp-exporter-protocol": protocol,
            "otlp-exporter-compression": destination.compression,
        }
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        with (destination.scratch / "rotel.log").open("wb") as log:
            program = destination.environments.rotel()
            agent = subprocess.Popen([program, "start", *flags], stdout=log, stderr=log, cwd=destination.scratch)
        try:
            _wait_for_port(http)
            inward = destination.variables() | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{http}"}
            run_python(sys.executable, "opentelemetry.exporter.otlp.proto.http.trace_exporter", lots, inward)
        finally:
            agent.terminate()
            agent.wait(_SECONDS)

    return send


def curl(lots: Lots, destination: Destination) -> None:
    """Send files with curl."""
    program = shutil.which("curl") or missing("curl is not installed")
    headers = ["-H", "Content-Type: application/json"]
    if destination.compression == "gzip":
        headers += ["-H", "Content-Encoding: gzip"]
    for lot, deliveries in (("once", 1), ("twice", 2)):
        body = request_json(lots.document()[lot])
        file = destination.scratch / f"{lot}.json"
        file.write_bytes(gzip.compress(body) if destination.compression == "gzip" else body)
        post = [program, "--silent", "--show-error", "--fail", *headers, "--data-binary", f"@{file}"]
        for _ in range(deliveries):
            subprocess.run([*post, f"{destination.url}/v1/traces"], check=True, capture_output=True, timeout=_SECONDS)


def telemetrygen(protocol: str, spans: int, amount: str, user: str, destination: Destination) -> None:
    """Send spans of one user that cost so much each, with the generator of the OpenTelemetry Collector's project."""
    program = ROOT / "collector" / "build" / "telemetrygen"
    if not program.exists():
        missing("collector/build/telemetrygen is not there: collector/build.sh telemetrygen builds it, with Go")
    attributes = {"cost.service": "openai", "cost.total_cost": amount, "user.id": user}
    flags = ["--otlp-http"] if protocol == "http/protobuf" else []
    flags += [f'--telemetry-attributes={name}="{value}"' for name, value in attributes.items()]
    endpoint = destination.url.removeprefix("http://")
    counts = (f"--traces={spans // 2}", "--child-spans=1", "--rate=0", "--workers=1")
    command: list[Path | str] = [program, "traces", "--otlp-insecure", f"--otlp-endpoint={endpoint}", *counts, *flags]
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.01)
        else:
            return

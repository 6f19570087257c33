"""Our services as the composition starts them, with the embedded engine behind ClickHouse's port as the server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from spanledger import environment
from spanledger_api.demo.children import Child
from tests.clickhouse.admin_server import admin_server
from tests.collector.otelcol.conftest import BINARY, Otelcol
from tests.collector.otlp_requests import paid, request_of
from tests.deployment.files import ROOT, Service, filled, services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SERVICES: Final = services()
_OURS: Final = ["migrate", "collector", "api"]
_VISIBLE_WITHIN_SECONDS: Final = 20.0


@pytest.fixture
def secrets() -> dict[str, str]:
    """The file of secrets, made as its example says."""
    text = (ROOT / ".env.example").read_text()
    return {name: f"{name.lower()}-{'0' * 32}" for name in re.findall(r"^(\w+)=$", text, re.MULTILINE)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Host and port of an empty server; it is open on loopback and has no users."""
    with admin_server(tmp_path / "ledger") as dsn:
        yield dsn.removeprefix("clickhouse://")


def _variables(service: Service, secrets: dict[str, str], server: str, directory: Path) -> dict[str, str]:
    """The environment of a service, moved from its containers to this machine."""
    given = {name: filled(value, secrets) for name, value in service["environment"].items()}
    moved = {name: re.sub(r"//[^/]*@clickhouse:8123", f"//{server}", value) for name, value in given.items()}
    ports = (environment.API_PORT, environment.OTLP_HTTP_PORT, environment.OTLP_GRPC_PORT)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPANLEDGER_")}
    return {
        **inherited,
        **dict.fromkeys(ports, "0"),
        # As the image sets it: every address, so that the servers ask for keys.
        environment.HOST: "0.0.0.0",  # noqa: S104 - what a container listens on
        environment.COLLECTOR_DIRECTORY: str(directory),
        **moved,
    }


@pytest.mark.parametrize("name", _OURS)
def test_its_command_is_one(name: str) -> None:
    """The image's program knows the command with every flag of it."""
    command = _SERVICES[name]["command"]
    ran = subprocess.run(
        [sys.executable, "-m", "spanledger_api", *command, "--help"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def _healthy(service: Service, port: str, variables: dict[str, str]) -> bool:
    """Whether the service's own check of its health, run beside it, says so."""
    _, program, *words = service["healthcheck"]["test"]
    assert program == "python"
    inside = re.search(r"127\.0\.0\.1:(\d+)", words[-1])
    assert inside
    words[-1] = words[-1].replace(inside[0], f"127.0.0.1:{port}")
    return subprocess.run([sys.executable, *words], env=variables, capture_output=True, check=False).returncode == 0


def test_the_services_work_together(server: str, secrets: dict[str, str], tmp_path: Path) -> None:
    """The schema is made, spans come in with one key, and what they cost is read with another."""
    variables = {name: _variables(_SERVICES[name], secrets, server, tmp_path / "collector") for name in _OURS}
    migrated = subprocess.run(
        [sys.executable, "-m", "spanledger_api", *_SERVICES["migrate"]["command"]],
        env=variables["migrate"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert migrated.returncode == 0, migrated.stderr
    assert "up to date" in migrated.stderr

    with (
        Child(
            "collector",
            "spanledger_api",
            _SERVICES["collector"]["command"],
            log=tmp_path / "collector.log",
            variables=variables["collector"],
        ) as collector,
        Child(
            "api",
            "spanledger_api",
            _SERVICES["api"]["command"],
            log=tmp_path / "api.log",
            variables=variables["api"],
        ) as api,
    ):
        otlp = json.loads(collector.line(60))["otlp_http"].rpartition(":")[2]
        reports = json.loads(api.line(60))["api"].rpartition(":")[2]
        assert _healthy(_SERVICES["collector"], otlp, variables["collector"])
        assert _healthy(_SERVICES["api"], reports, variables["api"])
        assert not _healthy(_SERVICES["api"], "9", variables["api"])
        _send(f"http://127.0.0.1:{otlp}", secrets["SPANLEDGER_INGEST_KEY"])
        path = f"http://127.0.0.1:{reports}/api/analytics/cost/users"
        assert httpx.get(path).status_code == 401
        shown = {"Authorization": f"Bearer {secrets['SPANLEDGER_READ_KEY']}"}
        _wait_until(lambda: bool(httpx.get(path, headers=shown).raise_for_status().json()))


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _VISIBLE_WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not become visible in time"
        time.sleep(0.05)


def _send(address: str, key: str) -> None:
    body = request_of(paid("0.25")).SerializeToString()
    headers = {"content-type": "application/x-protobuf"}
    refused = httpx.post(f"{address}/v1/traces", content=body, headers=headers)
    assert refused.status_code == 401
    shown = {**headers, "Authorization": f"Bearer {key}"}
    assert httpx.post(f"{address}/v1/traces", content=body, headers=shown).status_code == 200


def test_the_otel_collector_accepts_its_configuration(secrets: dict[str, str], tmp_path: Path) -> None:
    """The files that its image starts with, and the environment of its service, are valid together."""
    if not BINARY.exists():
        pytest.skip("run `make collector` to build it")
    given = _SERVICES["otel-collector"]["environment"]
    variables = {name: filled(value, secrets) for name, value in given.items()}
    otelcol = Otelcol(BINARY, tmp_path)
    checked = otelcol.validate("otel-collector.yaml", "collector/keys.yaml", **variables)
    assert checked.returncode == 0, checked.stderr

"""``spanledger up`` as a process of its own, and how tests speak to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx

from tests.conftest import TRUSTS_NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Running", "start"]

_VISIBLE_WITHIN_SECONDS = 20.0


@dataclass
class Running:
    """A ``spanledger up`` of its own."""

    process: subprocess.Popen[str]
    otlp: str
    api: str
    grpc: str
    clickhouse: str

    def post(self, body: bytes) -> bool:
        """Send one OTLP batch; False if no acknowledgement came back."""
        try:
            answer = httpx.post(
                f"{self.otlp}/v1/traces",
                content=body,
                headers={"content-type": "application/x-protobuf"},
                timeout=10,
                verify=TRUSTS_NOBODY,
            )
        except httpx.HTTPError:
            return False
        return answer.is_success

    def report(self, path: str, **parameters: str | int) -> list[dict[str, object]]:
        """Read a report of ``/api/analytics``, amounts exact."""
        answer = httpx.get(f"{self.api}/api/analytics/{path}", params=parameters, timeout=10, verify=TRUSTS_NOBODY)
        answer.raise_for_status()
        rows: list[dict[str, object]] = json.loads(answer.content, parse_float=Decimal)
        return rows

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Poll until something is visible; fails after some seconds.

        A condition is a report, and reports cost what they ask about is waiting for: the longer it took, the longer
        the pause.
        """
        began = time.monotonic()
        while not condition():
            waited = time.monotonic() - began
            assert waited < _VISIBLE_WITHIN_SECONDS, "it did not become visible in time"
            time.sleep(max(0.05, waited / 5))

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        """End it by SIGTERM; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        return self.process.returncode


def start(directory: Path) -> Running:
    """Start the product on a ledger and wait until it answers."""
    command = [sys.executable, "-m", "spanledger_api", "up", "--dsn", f"chdb://{directory}"]
    ports = [word for name in ("otlp-http", "otlp-grpc", "api", "clickhouse") for word in (f"--{name}-port", "0")]
    process = subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["ready"] is True
    return Running(process, ready["otlp_http"], ready["api"], ready["otlp_grpc"], ready["clickhouse"])

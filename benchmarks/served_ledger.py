"""A ledger that ``spanledger up`` serves on loopback in its own process, asked for reports while spans arrive."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from measured_process import MeasuredProcess
from reports import PATHS, SCATTERED

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from timing import Questions

__all__ = ["Arrivals", "arriving", "report_questions", "served_ledger"]

_SENDER = str(Path(__file__).with_name("sender.py"))


@dataclass
class Arrivals:
    """What arrived while it was measured.

    Attributes:
        spans_a_second: How many were acknowledged, once it is over.
    """

    spans_a_second: float = field(default=0.0, init=False)


@contextmanager
def served_ledger(
    dsn: str, environment: Mapping[str, str] | None = None
) -> Generator[tuple[MeasuredProcess, dict[str, str]]]:
    """Serve the ledger of a DSN, and lend the process and the addresses it is reached at.

    Args:
        dsn: Where the ledger is.
        environment: Variables to set besides this process' own.
    """
    ports = [word for name in ("otlp-http", "otlp-grpc", "api", "clickhouse") for word in (f"--{name}-port", "0")]
    command = [sys.executable, "-m", "spanledger_api", "up", "--dsn", dsn, *ports]
    with MeasuredProcess(command, environment) as server:
        yield server, json.loads(server.stdout.readline())


@contextmanager
def report_questions(api: str) -> Generator[tuple[Questions, ...]]:
    """Lend a request for each report, of an API at an address: those that are asked in turns, then one by itself."""
    with httpx.Client(base_url=api, timeout=120) as client:
        yield tuple({name: partial(_get, client, path) for name, path in paths.items()} for paths in (PATHS, SCATTERED))


@contextmanager
def arriving(otlp_http: str, rate: int) -> Generator[Arrivals]:
    """Send so many new spans a second for as long as the block runs."""
    arrivals, began = Arrivals(), time.monotonic()
    # In this process it would hold up whoever measures beside it.
    command = [sys.executable, _SENDER, "--url", otlp_http, "--rate", str(rate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        try:
            yield arrivals
        finally:
            acknowledged, _ = sender.communicate()
            arrivals.spans_a_second = round(int(acknowledged) / (time.monotonic() - began))


def _get(client: httpx.Client, path: str) -> None:
    client.get(path).raise_for_status()

"""A collector over the embedded ledger, with its receiver on a real port."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger_api.http_server import HttpServer
from spanledger_collector.pipeline import Pipeline
from tests.conftest import TRUSTS_NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger


@dataclass(frozen=True)
class RunningCollector:
    """A collector that answers on ``url``."""

    pipeline: Pipeline
    ledger: Ledger
    url: str

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Send one body to the traces path as protobuf, unless the headers say otherwise."""
        sent = {"content-type": "application/x-protobuf"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return httpx.post(f"{self.url}/v1/traces", content=body, headers=sent, verify=TRUSTS_NOBODY)

    def settle(self) -> None:
        """Wait until everything that was acknowledged is loaded."""
        deadline = time.monotonic() + 20
        while self.pipeline.log.pending_bytes:
            assert time.monotonic() < deadline, "the loader did not come to rest"
            time.sleep(0.005)


@pytest.fixture
def collector(ledger: Ledger) -> Iterator[RunningCollector]:
    """A collector of its own for the test."""
    pipeline = Pipeline(ledger)
    pipeline.start()
    with HttpServer(pipeline.http, "127.0.0.1", 0) as server:
        yield RunningCollector(pipeline, ledger, server.url)
    assert pipeline.stop(timeout=20)

"""One running product for all clients of a file, and the environments that the clients live in."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.clients.environments import Environments
from tests.end_to_end.running import Running, start

if TYPE_CHECKING:
    from collections.abc import Iterator


class Product:
    """A running ``spanledger up``, read by user, over connections that stay open: the tests ask often."""

    def __init__(self, running: Running, client: httpx.Client) -> None:
        self.running = running
        self._client = client

    def post(self, body: bytes) -> bool:
        """Send one OTLP batch; whether it was acknowledged."""
        headers = {"content-type": "application/x-protobuf"}
        return self._client.post(f"{self.running.otlp}/v1/traces", content=body, headers=headers).is_success

    def settle(self) -> None:
        """Wait until everything that was acknowledged is loaded."""
        self.running.wait_for(lambda: self.metric("segment_bytes") == 0)

    def metric(self, name: str) -> float:
        """One of the collector's own metrics, labels included in its name."""
        text = self._client.get(f"{self.running.otlp}/metrics").text
        found = re.search(rf"^spanledger_collector_{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert found, f"no metric {name}"
        return float(found[1])

    def spent_by(self, user: str) -> tuple[int, Decimal]:
        """How many operations a user has in this year's report, and what they cost."""
        report = f"{self.running.api}/api/analytics/cost/users"
        answer = self._client.get(report, params={"period": "yearly", "userId": user}).raise_for_status()
        rows = json.loads(answer.content, parse_float=Decimal)
        return (rows[0]["operations_count"], Decimal(rows[0]["total_cost"])) if rows else (0, Decimal(0))


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product on a ledger of its own, ended by SIGTERM; a start costs less than to let it idle until the end."""
    running = start(tmp_path_factory.mktemp("clients") / "ledger")
    with httpx.Client(timeout=10) as client:
        yield Product(running, client)
    assert running.stop() == 0


@pytest.fixture(scope="session")
def environments() -> Iterator[Environments]:
    """The environments of the clients, made while other tests run already."""
    made = Environments()
    yield made
    made.close()

"""One running product for all clients of a file, and the environments that the clients live in."""

from __future__ import annotations

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
    """A running ``spanledger up``, read by user."""

    def __init__(self, running: Running) -> None:
        self.running = running

    def settle(self) -> None:
        """Wait until everything that was acknowledged is loaded."""
        self.running.wait_for(lambda: self.metric("segment_bytes") == 0)

    def metric(self, name: str) -> float:
        """One of the collector's own metrics, labels included in its name."""
        text = httpx.get(f"{self.running.otlp}/metrics").text
        found = re.search(rf"^spanledger_collector_{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert found, f"no metric {name}"
        return float(found[1])

    def spent_by(self, user: str) -> tuple[int, Decimal]:
        """How many operations a user has in this year's report, and what they cost."""
        rows = self.running.report("cost/users", period="yearly", topN=10_000)
        [found] = [row for row in rows if row["user_id"] == user] or [{"operations_count": 0, "total_cost": Decimal(0)}]
        operations, total = found["operations_count"], found["total_cost"]
        assert isinstance(operations, int)
        assert isinstance(total, int | Decimal)
        return operations, Decimal(total)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product on a ledger of its own, ended by SIGTERM."""
    running = start(tmp_path_factory.mktemp("clients") / "ledger")
    yield Product(running)
    assert running.stop() == 0


@pytest.fixture(scope="session")
def environments() -> Iterator[Environments]:
    """The environments of the clients, made while other tests run already."""
    made = Environments()
    yield made
    made.close()

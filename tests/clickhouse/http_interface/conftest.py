"""The interface on a port of its own, over the emptied ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture(scope="session")
def interface(migrated_ledger: Ledger) -> Iterator[HttpServer]:
    """The interface, one for all tests of the process."""
    with HttpServer(ClickHouseInterface(migrated_ledger, LoopbackAccess()), "127.0.0.1", 0) as server:
        yield server


@pytest.fixture(scope="session")
def asking(interface: HttpServer) -> Iterator[httpx.Client]:
    """A plain HTTP client for statements that change nothing."""
    with httpx.Client(base_url=interface.url, timeout=60) as client:
        yield client


@pytest.fixture
def http(interface: HttpServer, ledger: Ledger) -> Iterator[httpx.Client]:
    """A plain HTTP client of the interface over an empty ledger."""
    assert ledger.dsn.embedded
    with httpx.Client(base_url=interface.url, timeout=60) as client:
        yield client

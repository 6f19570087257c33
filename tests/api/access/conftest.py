"""The API behind its gate, with keys to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from spanledger_api.access.gate import Gate
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import NewKey, issue_key
from spanledger_api.access.request_limits import RequestLimits
from spanledger_api.app import create_app
from spanledger_api.messages import Locale
from tests.api.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from spanledger_api.access import Role, RowScope
    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture
def gate(ledger: Ledger) -> Iterator[Gate]:
    """A gate over the emptied ledger: open, until a key is made."""
    with Gate(KeyRing(ledger), limits=RequestLimits(1_000_000, 1_000_000)) as opened:
        yield opened


@pytest.fixture
def issue(ledger: Ledger, gate: Gate) -> Callable[..., str]:
    """Makes a key that the gate knows at once."""

    def made(role: Role, scope: RowScope | None = None) -> str:
        key, _ = issue_key(ledger, NewKey(name=f"the {role}", role=role, scope=scope), "test")
        gate.keys.refresh()
        return key

    return made


@pytest.fixture(scope="session")
def document(migrated_ledger: Ledger) -> Mapping[str, Any]:
    """The OpenAPI document of the API behind a gate, worked out once: that takes half a second."""
    with Gate(KeyRing(migrated_ledger)) as gate:
        return create_app(migrated_ledger, clock=lambda: NOW, locale=Locale.ENGLISH, gate=gate).openapi()


@pytest.fixture
def guarded(ledger: Ledger, gate: Gate) -> TestClient:
    """A client of the API behind the gate, which reaches it by a name of this machine."""
    app = create_app(ledger, clock=lambda: NOW, locale=Locale.ENGLISH, gate=gate)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key; none without one."""
    return {"Authorization": f"Bearer {key}"} if key else {}

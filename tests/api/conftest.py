"""The API over the test process's ledger, at a time that stands still."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from spanledger_api.app import create_app
from spanledger_api.messages import Locale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI

    from spanledger_clickhouse.ledger import Ledger

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
"""A Saturday; its week begins on March 9, its month on March 1."""


@pytest.fixture(scope="session")
def app(migrated_ledger: Ledger) -> FastAPI:
    """The app over the ledger, one for all tests that leave it as it is, since its first answer builds its routes.

    A test that reads rows asks for the emptied `ledger` too.
    """
    return _created(migrated_ledger)


@pytest.fixture
def own_app(migrated_ledger: Ledger) -> FastAPI:
    """An app of the test's own, for one that changes it, counts its requests or sets variables that it reads."""
    return _created(migrated_ledger)


def _created(ledger: Ledger) -> FastAPI:
    return create_app(ledger, clock=lambda: NOW, locale=Locale.ENGLISH)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    """A client that sees what a caller sees, failures included."""
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def own_client(own_app: FastAPI) -> TestClient:
    """The same of the test's own app."""
    return TestClient(own_app, raise_server_exceptions=False)


@pytest.fixture
def get(client: TestClient) -> Callable[..., list[dict[str, object]]]:
    """Ask for a report and give back its rows, every number as an exact decimal or integer."""

    def ask(path: str, parameters: Mapping[str, str | int] | None = None) -> list[dict[str, object]]:
        answer = client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, object]] = json.loads(answer.text, parse_float=Decimal)
        return rows

    return ask

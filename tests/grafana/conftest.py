"""The API over ten days of history, served as Grafana reaches it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger_api.alerts.budget import BudgetDefinition
from spanledger_api.alerts.periods import BudgetPeriod
from spanledger_api.alerts.settings import SettingKind, write_setting
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from tests.api.spans import store
from tests.conftest import emptied
from tests.grafana.history import history
from tests.grafana.infinity_plugin import TimeRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture(scope="module")
def span() -> TimeRange:
    """The two weeks until now."""
    now = datetime.now(UTC)
    return TimeRange(now - timedelta(days=14), now)


@pytest.fixture(scope="module")
def filled(migrated_ledger: Ledger, span: TimeRange) -> Ledger:
    """The ledger with the history in it."""
    ledger = emptied(migrated_ledger)
    store(ledger, history(span.end))
    limit(ledger, "Company", "1000")
    return ledger


def limit(ledger: Ledger, name: str, amount: str) -> None:
    """Set up a budget for all that a year costs."""
    budget = BudgetDefinition(name=name, amount=Decimal(amount), period=BudgetPeriod.YEARLY)
    write_setting(ledger, SettingKind.BUDGET, name, budget)


@pytest.fixture(scope="module")
def api(filled: Ledger) -> Iterator[httpx.Client]:
    """A client of the API over it."""
    with HttpServer(create_app(filled), "127.0.0.1", 0) as server, httpx.Client(base_url=server.url) as client:
        yield client

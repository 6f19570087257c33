"""A dashboard over a month of work, with budgets and the alerts that they raise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger.pricing import PriceBook
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.watching import alert_steps
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from tests.conftest import emptied
from tests.dashboard.browser import visiting
from tests.dashboard.month import Month, store_month

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spanledger_clickhouse.ledger import Ledger
    from tests.dashboard.browser import Visitor


@dataclass(frozen=True)
class Site:
    """A served dashboard.

    Attributes:
        url: Its address, without a slash at the end.
        month: What its ledger holds.
    """

    url: str
    month: Month

    def ask(self, path: str) -> list[Mapping[str, object]]:
        """The rows of a report, amounts as decimals."""
        answer = httpx.get(self.url + path).raise_for_status()
        rows: list[Mapping[str, object]] = json.loads(answer.text, parse_float=Decimal)
        return rows


def add_budgets(url: str) -> None:
    """Three budgets: one exceeded, one at risk, one on track."""
    for name, scope, value, amount in (
        ("Everything", "total", None, 420),
        ("GPT-4 prompts", "service", "openai", 100),
        ("Studio of Ada", "user", "ada", 200),
    ):
        body = {"name": name, "scope": scope, "scope_value": value, "amount": amount, "period": "yearly"}
        httpx.post(f"{url}/api/budgets", json=body).raise_for_status()


def raise_due_alerts(ledger: Ledger) -> None:
    """Look once at everything that alerts are about."""
    for _, step, _ in alert_steps(ledger, AlertConfiguration.from_environment(), PriceBook.built_in()):
        step()


@pytest.fixture(scope="module")
def site(migrated_ledger: Ledger) -> Iterator[Site]:
    """The dashboard over a month of work."""
    ledger, month = emptied(migrated_ledger), Month()
    store_month(ledger, month)
    with HttpServer(create_app(ledger), "127.0.0.1", 0) as server:
        add_budgets(server.url)
        raise_due_alerts(ledger)
        yield Site(server.url, month)


@pytest.fixture(scope="module")
def opened(site: Site) -> Iterator[Visitor]:
    """A browser on it."""
    with visiting(site.url) as visitor:
        yield visitor


@pytest.fixture
def visitor(opened: Visitor) -> Iterator[Visitor]:
    """The browser, which must find nothing to complain about and leave the origin for nothing."""
    opened.complaints.clear()
    opened.elsewhere.clear()
    opened.asked.clear()
    yield opened
    opened.page.evaluate("localStorage.clear()")
    assert opened.complaints == []
    assert opened.elsewhere == []

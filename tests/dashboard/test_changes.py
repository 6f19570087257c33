"""What changes while somebody looks: new records, and what they change themselves."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from playwright.sync_api import expect

from spanledger_api.access.gate import open_gate
from spanledger_api.access.keys import NewKey, issue_key
from spanledger_api.access.principal import Role
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.bounded_ledger import BoundedLedger
from spanledger_clickhouse.shared_answers import SharedAnswers
from tests.api.spans import Span, store
from tests.conftest import emptied
from tests.dashboard.browser import visiting
from tests.dashboard.conftest import raise_due_alerts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spanledger_clickhouse.ledger import Ledger
    from tests.dashboard.browser import Visitor


@pytest.fixture(scope="module")
def own(migrated_ledger: Ledger) -> Ledger:
    """A ledger that begins empty; the tests of this file follow each other in it."""
    return emptied(migrated_ledger)


@pytest.fixture(scope="module")
def opened(own: Ledger) -> Iterator[Visitor]:
    """A browser on a dashboard over it."""
    with HttpServer(create_app(own), "127.0.0.1", 0) as server, visiting(server.url) as visitor:
        yield visitor


def _paid(cost: str) -> Span:
    start = datetime.now(UTC) - timedelta(minutes=1)
    return Span(service="openai", operation="gpt-4_a_b", cost=Decimal(cost), user="ada", start=start)


def test_an_empty_ledger_says_what_to_do_and_fills_by_itself(own: Ledger, visitor: Visitor) -> None:
    """Before the first span there are instructions; once one arrives the figures appear without a reload."""
    page = visitor.go("/")
    expect(page.get_by_text("spanledger run -- python app.py")).to_be_visible()
    assert visitor.violations() == ""
    page.evaluate("document.body.dataset.kept = 'yes'")
    store(own, [_paid("1.234567890123")])

    expect(page.locator(".figure").first).to_have_text("$1.23", timeout=15_000)
    expect(page.locator(".figure [title]").first).to_have_attribute("title", "1.234567890123 USD")
    assert page.evaluate("document.body.dataset.kept") == "yes"


def test_what_was_shown_stays_until_there_is_something_newer(own: Ledger, visitor: Visitor) -> None:
    """While new figures are on their way the old ones stay, and no place turns empty."""
    page = visitor.go("/")
    page.evaluate(
        "new MutationObserver(() => document.querySelector('.skeleton') && (document.body.dataset.flicker = 'yes'))"
        ".observe(document.body, {childList: true, subtree: true})"
    )
    store(own, [_paid("1")])

    expect(page.locator(".figure").first).to_have_text("$2.23", timeout=15_000)
    assert page.evaluate("document.body.dataset.flicker") is None


def test_budgets_are_made_changed_and_removed(visitor: Visitor) -> None:
    """The form makes a budget, changes it and removes it, and the API agrees each time."""
    page = visitor.go("/budgets")
    page.get_by_label("Name").fill("Ada's month")
    page.get_by_label("Of what").select_option("user")
    page.get_by_label("Which").fill("ada")
    page.get_by_label("Amount (USD)").fill("2")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".budgets .label")).to_have_text("Ada's month")
    [made] = httpx.get(f"{visitor.url}/api/budgets").json()
    page.get_by_role("button", name="Edit the budget Ada's month").click()
    page.get_by_label("Amount (USD)").fill("4")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".budgets .detail").first).to_contain_text("$4.00")
    [changed] = httpx.get(f"{visitor.url}/api/budgets").json()
    page.get_by_role("button", name="Delete the budget Ada's month").click()
    expect(page.locator(".budgets .label")).to_have_count(0)

    assert (made["scope"], made["scope_value"], made["amount"], made["status"]) == ("user", "ada", 2, "exceeded")
    assert (changed["budget_id"], changed["amount"]) == (made["budget_id"], 4)
    assert httpx.get(f"{visitor.url}/api/budgets").json() == []


def test_alerts_are_acknowledged_and_muted(own: Ledger, visitor: Visitor) -> None:
    """An expensive operation is listed as open until it is acknowledged; rules and mutes are set beside it."""
    raise_due_alerts(own)  # which looks at what arrives from then on
    store(own, [_paid("3.5")])
    raise_due_alerts(own)
    page = visitor.go("/alerts")
    row = page.get_by_role("row").filter(has_text="gpt-4_a_b").first
    row.get_by_role("button", name="Acknowledge").click()
    expect(row.get_by_text("acknowledged")).to_be_visible()
    page.get_by_text("Add a rule").click()
    page.get_by_label("Name").fill("Very expensive")
    page.get_by_label("Above (USD)").fill("9.5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="Very expensive")).to_be_visible()
    page.get_by_text("Mute alerts").click()
    page.get_by_role("textbox", name="Service").fill("openai")
    page.get_by_role("button", name="Mute", exact=True).click()
    expect(page.get_by_role("button", name="End the mute")).to_be_visible()

    assert {alert["status"] for alert in httpx.get(f"{visitor.url}/api/alerts").json()} >= {"acknowledged"}
    assert "Very expensive" in {rule["name"] for rule in httpx.get(f"{visitor.url}/api/alerts/rules").json()}
    assert [mute["service"] for mute in httpx.get(f"{visitor.url}/api/alerts/mutes").json()] == ["openai"]


def test_advice_is_dismissed_and_restored(visitor: Visitor) -> None:
    """Dismissed advice disappears, is found again when asked for, and can be restored."""
    page = visitor.go("/recommendations")
    shown = page.locator(".advice").count()
    page.get_by_role("button", name="Dismiss").first.click()
    expect(page.locator(".advice")).to_have_count(shown - 1)
    page.get_by_label("Show dismissed").click()
    expect(page.locator(".advice")).to_have_count(shown)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("button", name="Restore")).to_have_count(0)

    assert shown > 0


class _SlowLedger(BoundedLedger):
    """A ledger that gives up on every question about costs, and counts them."""

    asked = 0

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        """Give up, or answer as the base does."""
        if "arrivals" in sql or "FROM system.parts" in sql:
            return super().query(sql, parameters)
        self.asked += 1
        message = "Timeout exceeded: elapsed 30001 ms, maximum: 30000 ms."
        raise DatabaseError(message, code=159)


def test_a_report_that_takes_too_long_says_so(own: Ledger, opened: Visitor) -> None:
    """A 408 stands there in its own words with a button, and what the browser repeats by itself does not run again."""
    app, slow = create_app(own), _SlowLedger(own, SharedAnswers(nullcontext))
    app.state.deployment = replace(app.state.deployment, ledger=slow)
    with HttpServer(app, "127.0.0.1", 0) as server:
        page = opened.page
        opened.asked.clear()
        page.goto(f"{server.url}/users?range=7d")
        expect(page.get_by_role("alert").first).to_contain_text("ask for a shorter window")
        expect(page.locator(".skeleton")).to_have_count(0)
        asked = set(opened.asked)
        ran = slow.asked
        page.get_by_role("button", name="Try again").first.click()
        with page.expect_response("**/api/freshness"):
            expect(page.get_by_role("alert").first).to_contain_text("30 s")
        page.goto("about:blank")

    # The rows of a report, and the shares beside them.
    assert 0 < ran <= 2 * len(asked)
    assert slow.asked == ran


def test_a_key_opens_a_closed_ledger(own: Ledger, opened: Visitor) -> None:
    """Without a key there is a form; a wrong key is refused in words; the right one opens, and logging out closes."""
    key, _ = issue_key(own, NewKey(name="Reader", role=Role.READ), created_by="test")
    issue_key(own, NewKey(name="Chief", role=Role.ADMIN), created_by="test")
    with open_gate(own) as gate, HttpServer(create_app(own, gate=gate), "127.0.0.1", 0) as server:
        page = opened.page
        page.goto(f"{server.url}/users?range=7d")
        page.get_by_label("Key").fill("slk_nonsense")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("The key was not accepted.")
        page.get_by_label("Key").fill(key)
        page.keyboard.press("Enter")
        expect(page.get_by_role("rowheader", name="ada")).to_be_visible()
        kept = page.evaluate("[Object.keys(sessionStorage), Object.keys(localStorage), document.cookie]")
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Key")).to_be_visible()
        page.goto("about:blank")

    assert kept == [["spanledger.key"], [], ""]

"""The price book over HTTP: what holds today, and what held when."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger import environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.testclient import TestClient

    Get = Callable[..., list[dict[str, object]]]

_OWN = """
[[price]]
id = "mine/{day}"
service = "mine"
effective_from = {day}
source = "https://example.org/prices"
shown_in = "seconds"
[price.meters]
seconds = {{ price = "{price}", per = "60", unit = "seconds" }}
"""


@pytest.fixture
def changing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An own service whose price changed once and will change again."""
    file = tmp_path / "prices.toml"
    days = (("2025-01-01", "0.1"), ("2026-03-01", "0.123456789012345"), ("2027-01-01", "0.3"))
    file.write_text("".join(_OWN.format(day=day, price=price) for day, price in days), encoding="utf-8")
    monkeypatch.setenv(environment.PRICES, str(file))


@pytest.fixture
def client(own_client: TestClient) -> TestClient:
    """A client of an app that reads the variables of the test."""
    return own_client


@pytest.mark.usefixtures("changing")
def test_only_what_holds_today_is_current(get: Get) -> None:
    """Of a price that changed there is the one row that holds, with every digit and its source."""
    assert get("/api/prices", {"service": "mine"}) == [
        {
            "price_id": "mine/2026-03-01",
            "service": "mine",
            "model": None,
            "provider": None,
            "meter": "seconds",
            "price": Decimal("0.123456789012345"),
            "per": 60,
            "unit": "seconds",
            "currency": "USD",
            "effective_from": "2026-03-01",
            "effective_to": "2027-01-01",
            "is_current": True,
            "source": "https://example.org/prices",
        }
    ]


@pytest.mark.usefixtures("changing")
def test_history_has_every_price_and_its_end(get: Get) -> None:
    """Each price ends where the next one begins; past and coming ones are not current."""
    rows = get("/api/prices/history", {"service": "mine"})

    assert [(row["effective_from"], row["effective_to"], row["is_current"]) for row in rows] == [
        ("2025-01-01", "2026-03-01", False),
        ("2026-03-01", "2027-01-01", True),
        ("2027-01-01", None, False),
    ]


def test_a_row_is_there_for_every_meter(get: Get) -> None:
    """A model that is priced by two meters has two rows."""
    rows = get("/api/prices", {"service": "openai", "model": "gpt-4"})

    assert {(row["meter"], row["price"]) for row in rows} == {
        ("input_tokens", Decimal("0.03")),
        ("output_tokens", Decimal("0.06")),
    }


def test_prices_come_as_csv_too(client: TestClient) -> None:
    """The same rows as CSV, under the same names."""
    text = client.get("/api/prices", params={"format": "csv"}).text
    rows = json.loads(client.get("/api/prices").text)

    assert text.splitlines()[0].split(",") == list(rows[0])
    assert len(text.splitlines()) == len(rows) + 1

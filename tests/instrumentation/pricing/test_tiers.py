"""Service tiers: dated factors on standard prices, and a visible stand-in where none is known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import spanledger.pricing
from spanledger.exceptions import PriceBookError
from spanledger.pricing import Calculator, Charge, PriceBook, Usage
from spanledger.pricing.tiers import read_tiers

TOKENS = {"input_tokens": Decimal(1000), "output_tokens": Decimal(500)}
BUILT_IN = Path(spanledger.pricing.__file__).with_name("tiers.toml")


def charge(tier: str | None, day: int = 2026, service: str = "openai", model: str = "gpt-4") -> Charge:
    """1,000 + 500 tokens in a tier."""
    usage = Usage(service, TOKENS, model, tier=tier)
    return Calculator(PriceBook.built_in()).charge(usage, datetime(day, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("tier", [None, "", "default", "auto", "Standard"])
def test_the_standard_tier_has_many_names(tier: str | None) -> None:
    """All of them cost what the book says."""
    assert charge(tier).price_id == "openai/gpt-4/2023-03-14"
    assert charge(tier).total_cost == Decimal("0.06")


def test_a_tier_multiplies_every_meter() -> None:
    """Batch and flex cost half, and the price id names both rows."""
    batch = charge("batch")

    assert (batch.total_cost, batch.source) == (Decimal("0.03"), "price_book")
    assert batch.price_id == "openai/gpt-4/2023-03-14+openai/batch/2024-04-15"
    assert charge("Flex").total_cost == Decimal("0.03")


@pytest.mark.parametrize(("tier", "day", "service"), [("priority", 2026, "openai"), ("batch", 2024, "openai")])
def test_an_unknown_tier_is_a_fallback(tier: str, day: int, service: str) -> None:
    """Nobody's, or not yet: the standard price stands in, and says so."""
    stand_in = charge(tier, day, service)

    assert (stand_in.total_cost, stand_in.source) == (Decimal("0.06"), "fallback")
    assert stand_in.reason == f"nothing prices the {tier} tier of {service}; charged as its standard one"


def test_an_unknown_model_in_an_unknown_tier_tells_both() -> None:
    """One reason does not hide the other."""
    reason = str(charge("priority", model="house-model-1").reason)

    assert "house-model-1" in reason
    assert "priority" in reason


def test_built_in_tiers_are_dated_and_sourced() -> None:
    """Id, day and address of every row; published rows stay as they are."""
    tiers = {tier.id: (str(tier.factor), tier.source[:8]) for tier in read_tiers(BUILT_IN)}

    assert tiers == {"openai/batch/2024-04-15": ("0.5", "https://"), "openai/flex/2025-04-17": ("0.5", "https://")}


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('factor = "0.5"', ""),
        ('factor = "0.5"', 'factor = "half"'),
        ("2024-04-15 #", "2024-04-16 #"),
        ("https://developers.openai.com/api/docs/guides/batch", "a rumour"),
        ("[[tier]]", "[[price]]"),
        ('tier = "batch"', 'tier = "batch"\ncolour = "red"'),
    ],
)
def test_a_row_that_is_not_valid_is_refused(tmp_path: Path, was: str, becomes: str) -> None:
    """Missing, malformed, undated, without source, or more than is known."""
    path = tmp_path / "tiers.toml"
    path.write_text(BUILT_IN.read_text().replace(was, becomes))

    with pytest.raises(PriceBookError, match=r"tiers\.toml"):
        read_tiers(path)

"""The calculator: which price applies to a usage, and what is said where none does."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.pricing import Calculator, CostSource, PriceBook, Usage, catalogue
from spanledger.pricing.meters import METERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALCULATOR = Calculator(PriceBook.built_in())


def used(service: str, model: str | None = None, served: str | None = None, **quantities: str) -> Usage:
    """Usage from decimal strings."""
    return Usage(service, {meter: Decimal(text) for meter, text in quantities.items()}, model, served)


@pytest.fixture
def without_catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process in which genai-prices is not installed."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    catalogue.why_unavailable.cache_clear()
    yield
    catalogue.why_unavailable.cache_clear()


@pytest.mark.parametrize(
    ("usage", "quantity", "unit", "unit_cost", "total"),
    [
        (used("openai", "gpt-4", input_tokens="1000", output_tokens="500"), "1500", "tokens", "0.00004", "0.06"),
        (
            used("openai", "gpt-3.5-turbo", input_tokens="1000", output_tokens="500"),
            "1500",
            "tokens",
            "0.000001666666666667",
            "0.0025",
        ),
        (used("whisper", "whisper-1", seconds="90"), "1.5", "minutes", "0.006", "0.009"),
        (used("whisper", seconds="90"), "1.5", "minutes", "0.006", "0.009"),
        (used("google_video_ai", seconds="300"), "5", "minutes", "0.1", "0.5"),
        (used("google_video_ai", "builtin/latest", seconds="300"), "5", "minutes", "0.1", "0.5"),
        (used("cloudflare_stream", seconds="90"), "90", "seconds", "0.000088888888888889", "0.008"),
        (used("s3", bytes="1073741824"), "1024", "MB", "0.000009765625", "0.01"),
        (used("cloudfront", bytes="10737418240"), "10", "GB", "0.085", "0.85"),
    ],
)
def test_each_service_is_charged_at_its_rate_and_shown_in_its_unit(
    usage: Usage, quantity: str, unit: str, unit_cost: str, total: str
) -> None:
    """Every built-in service has the quantity, unit, unit cost and total that its price list states."""
    charge = CALCULATOR.charge(usage, AT)

    assert (charge.quantity, charge.unit) == (Decimal(quantity), unit)
    assert (charge.unit_cost, charge.total_cost) == (Decimal(unit_cost), Decimal(total))
    assert (charge.source, charge.reason, charge.currency) == (CostSource.PRICE_BOOK, None, "USD")


def test_r2_has_its_own_row_of_the_s3_service() -> None:
    """A provider with a price of its own is charged by it; any other takes the row for all."""
    r2 = CALCULATOR.charge(Usage("s3", {"bytes": Decimal(1024**3)}, provider="R2"), AT)
    other = CALCULATOR.charge(Usage("s3", {"bytes": Decimal(1024**3)}, provider="aws"), AT)

    assert (r2.price_id, r2.total_cost) == ("s3/r2/2022-09-21", Decimal("0.01"))
    assert other.price_id == "s3/2006-03-14"


@pytest.mark.parametrize(
    ("model", "served", "price_id"),
    [
        ("gpt-4", "gpt-4-0613", "openai/gpt-4/2023-03-14"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-2024-01-25", "openai/gpt-3.5-turbo/2023-06-13"),
        ("my-deployment", "gpt-4", "openai/gpt-4/2023-03-14"),
        (None, "GPT-4", "openai/gpt-4/2023-03-14"),
        ("gpt-4", "gpt-4-turbo-2024-04-09", "genai-prices/0.2.3/openai/gpt-4-turbo"),
        ("gpt-4o", "gpt-4o-2024-08-06", "genai-prices/0.2.3/openai/gpt-4o"),
        ("gpt-4", "vendor-secret", "openai/gpt-4/2023-03-14"),
        ("gpt-4o", "vendor-secret", "genai-prices/0.2.3/openai/gpt-4o"),
    ],
)
def test_the_served_model_decides_unless_only_the_model_asked_for_is_known(
    model: str | None, served: str, price_id: str
) -> None:
    """A dated snapshot takes the book's row of its model; another served model its own price, in book or catalogue."""
    charge = CALCULATOR.charge(used("openai", model, served, input_tokens="1000", output_tokens="500"), AT)

    assert (charge.price_id, charge.source) == (price_id, CostSource.PRICE_BOOK)


@pytest.mark.parametrize(
    ("model", "words"), [("no-such-model", "nothing prices openai no-such-model"), (None, "without naming a model")]
)
def test_an_unknown_model_of_openai_takes_the_fallback_row_and_says_so(model: str | None, words: str) -> None:
    """The fallback is charged as GPT-4 and names the model that nobody knows."""
    charge = CALCULATOR.charge(used("openai", model, input_tokens="1000", output_tokens="500"), AT)

    assert (charge.total_cost, charge.source) == (Decimal("0.06"), CostSource.FALLBACK)
    assert words in str(charge.reason)
    assert str(charge.reason).endswith("charged as gpt-4")


@pytest.mark.usefixtures("without_catalogue")
def test_without_the_catalogue_an_unlisted_model_is_unpriced_and_not_a_fallback() -> None:
    """Where genai-prices is missing nobody can tell an unknown model, so the reason says what to install."""
    unlisted = CALCULATOR.charge(used("openai", "gpt-4o", input_tokens="1000"), AT)
    listed = CALCULATOR.charge(used("openai", "gpt-4", input_tokens="1000"), AT)

    assert (unlisted.source, unlisted.total_cost) == (CostSource.UNPRICED, None)
    assert "pip install 'spanledger[openai]'" in str(unlisted.reason)
    assert listed.total_cost == Decimal("0.03")


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (used("acme", seconds="3"), "known services: cloudflare_stream, cloudfront"),
        (used("acme", "acme-1", input_tokens="3"), "nothing prices acme acme-1"),
        (used("whisper", "no-such-whisper", seconds="3"), "nothing prices whisper no-such-whisper"),
        (used("openai", "gpt-4"), "no usage was stated"),
        (used("openai", "gpt-4", input_tokens="-1"), "input_tokens is -1"),
        (used("openai", "gpt-4", input_tokens="NaN"), "input_tokens is NaN"),
        (used("openai", "gpt-4", input_tokens="sNaN"), "input_tokens is sNaN"),
        (used("openai", "gpt-4", input_tokens="1E+999999"), "more than a record can hold"),
        (used("openai", "gpt-4", input_tokens="5", cached_input_tokens="9"), "(9) cannot exceed input_tokens (5)"),
        (used("openai", "gpt-4", cached_input_tokens="9"), "part of input_tokens, which was not metered"),
        (used("openai", "gpt-4", seconds="9"), "covers input_tokens, output_tokens but not seconds"),
        (used("openai", "gpt-4", wishes="3"), "no meter 'wishes'"),
        (used("s3", bytes="3", requests="1"), "covers bytes but not requests"),
        (used("openai", "tts-1", input_tokens="3"), "prices tts-1 by characters, not by tokens"),
        (used("groq", "whisper-large-v3", seconds="3"), "groq bills at least 10 seconds"),
        (
            used("openai", "gpt-realtime", input_tokens="9", cached_input_tokens="3", audio_input_tokens="3"),
            "does not say how much of the cached input was audio",
        ),
    ],
)
def test_what_cannot_be_priced_has_no_amount_but_a_reason(usage: Usage, words: str) -> None:
    """Unknown services and meters, absent, impossible and contradictory numbers are unpriced, never 0."""
    charge = CALCULATOR.charge(usage, AT)

    assert (charge.source, charge.unit_cost, charge.total_cost) == (CostSource.UNPRICED, None, None)
    assert words in str(charge.reason)


@pytest.mark.parametrize(
    ("usage", "quantity", "unit"),
    [
        (used("acme", seconds="90"), "90", "seconds"),
        (used("acme", wishes="3"), "3", "wishes"),
        (used("whisper", "no-such-whisper", seconds="90"), "90", "seconds"),
        (used("openai", "gpt-4", input_tokens="5", cached_input_tokens="9", output_tokens="1"), "6", "tokens"),
        (used("s3", bytes="1048576", requests="1"), "1", "MB"),
        (used("openai", "gpt-4", input_tokens="NaN"), "0", "tokens"),
        (used("openai", "gpt-4"), "0", "units"),
    ],
)
def test_an_unpriced_record_keeps_what_was_used(usage: Usage, quantity: str, unit: str) -> None:
    """The quantity stays as the price shows it, or in the meter's unit where there is no price."""
    charge = CALCULATOR.charge(usage, AT)

    assert (charge.quantity, charge.unit) == (Decimal(quantity), unit)


def test_nothing_used_costs_nothing_and_is_known() -> None:
    """Metered zeros are priced at 0: known, unlike a missing amount."""
    charge = CALCULATOR.charge(used("openai", "gpt-4", input_tokens="0", output_tokens="0"), AT)

    assert (charge.source, charge.total_cost, charge.unit_cost) == (CostSource.PRICE_BOOK, Decimal(0), Decimal(0))


def test_the_utc_day_decides_and_nothing_is_priced_before_the_first_row() -> None:
    """A row holds from midnight UTC of its first day, whatever zone the moment is stated in."""
    usage = used("openai", "gpt-4", input_tokens="1000")
    midnight = datetime(2023, 3, 14, tzinfo=timezone(timedelta(hours=-7)))
    before = CALCULATOR.charge(usage, datetime(2023, 3, 13, 23, 59, 59, tzinfo=UTC))

    assert CALCULATOR.charge(usage, midnight - timedelta(hours=7)).total_cost == Decimal("0.03")
    assert (before.source, before.reason) == (CostSource.UNPRICED, "openai gpt-4 has no price before 2023-03-14")


def test_an_own_row_of_today_leaves_yesterday_to_the_catalogue(tmp_path: Path) -> None:
    """Adding a row for a model that the catalogue prices does not take the price of earlier calls away."""
    own = tmp_path / "own.toml"
    own.write_text(
        '[[price]]\nid = "own/gpt-4o/2026-11-20"\nservice = "openai"\nmodel = "gpt-4o"\n'
        'effective_from = 2026-11-20\nsource = "https://example.com"\nshown_in = "tokens"\n'
        '[price.meters]\ninput_tokens = { price = "1", per = "1", unit = "tokens" }\n'
    )
    calculator = Calculator(PriceBook.with_overrides(own))
    usage = used("openai", "gpt-4o", input_tokens="1")

    assert calculator.charge(usage, AT).price_id == "own/gpt-4o/2026-11-20"
    assert calculator.charge(usage, AT - timedelta(days=1)).price_id == "genai-prices/0.2.3/openai/gpt-4o"


@pytest.mark.parametrize(
    ("service", "quantity", "unit", "total"),
    [
        ("whisper", "1.5", "minutes", "0.009"),
        ("whisper", "0.025", "hours", "0.009"),
        ("cloudflare_stream", "1.5", "minute", "0.008"),
        ("s3", "1024", "MB", "0.01"),
        ("cloudfront", "10", "gb", "0.85"),
    ],
)
def test_a_bare_quantity_is_converted_to_the_unit_of_the_price(
    service: str, quantity: str, unit: str, total: str
) -> None:
    """A quantity may be stated in any unit of the kind that the service's price counts in."""
    charge = CALCULATOR.charge_quantity(service, Decimal(quantity), unit, at=AT)

    assert (charge.total_cost, charge.source) == (Decimal(total), CostSource.PRICE_BOOK)


def test_a_bare_quantity_keeps_every_digit_on_the_way_to_base_units() -> None:
    """Converting a quantity of more than 28 digits does not round it before it is priced."""
    charge = CALCULATOR.charge_quantity("whisper", Decimal("99999999999999999999.1234567890125"), "minutes", at=AT)

    assert charge.total_cost == Decimal("599999999999999999.994740740734")


@pytest.mark.parametrize(
    ("service", "model", "unit", "words"),
    [
        ("s3", None, "minutes", "prices MB, not minutes"),
        ("s3", None, "apples", "s3 is priced in MB, and 'apples' is no known unit"),
        ("openai", "gpt-4", "tokens", "how much of it is input_tokens and how much output_tokens"),
        ("acme", None, "apples", "nothing prices acme"),
    ],
)
def test_a_bare_quantity_that_fits_no_meter_stays_as_stated(
    service: str, model: str | None, unit: str, words: str
) -> None:
    """A unit of another kind, or one that two meters could mean, is unpriced; quantity and unit are kept."""
    charge = CALCULATOR.charge_quantity(service, Decimal("1.5"), unit, model=model, at=AT)

    assert (charge.quantity, charge.unit, charge.total_cost) == (Decimal("1.5"), unit, None)
    assert words in str(charge.reason)


names = st.sampled_from(["openai", "whisper", "s3", "cloudfront", "anthropic", "", "acme", "\x00"])
models = st.one_of(st.none(), st.sampled_from(["gpt-4", "gpt-4-0613", "gpt-4o", "gpt-realtime"]), st.text(max_size=20))
meters = st.one_of(st.sampled_from(sorted(METERS)), st.text(max_size=8))


@given(
    st.builds(Usage, names, st.dictionaries(meters, st.decimals(), max_size=5), models, models, st.none() | names),
    st.sampled_from(["tokens", "MB", "hours", "?"]),
)
def test_no_usage_makes_the_calculator_raise(usage: Usage, unit: str) -> None:
    """Whatever a span states, the answer is a charge: with an amount, or without one and with a reason."""
    charges = [CALCULATOR.charge(usage, AT)]
    charges += [
        CALCULATOR.charge_quantity(usage.service, quantity, unit, model=usage.model, at=AT)
        for quantity in usage.quantities.values()
    ]

    for charge in charges:
        assert charge.quantity.is_finite()
        assert (charge.total_cost is None) == (charge.source is CostSource.UNPRICED)
        assert (charge.reason is None) == (charge.source is CostSource.PRICE_BOOK)

"""The catalogue of language models: the library's own amounts, by our arithmetic."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as LibraryUsage
from genai_prices import calc_price
from genai_prices.data import providers

from spanledger.exceptions import UnknownPriceError
from spanledger.pricing import Calculator, PriceBook, Usage
from spanledger.pricing.catalogue import find_tariff

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
OUR_NAMES = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_input_tokens": "cache_read_tokens",
    "cache_write_input_tokens": "cache_write_tokens",
    "audio_input_tokens": "input_audio_tokens",
    "audio_output_tokens": "output_audio_tokens",
    "reasoning_output_tokens": "output_reasoning_tokens",
    "seconds": "audio_seconds",
}
USAGES = [
    {"input_tokens": 1000, "output_tokens": 500},
    {"input_tokens": 500_001, "cached_input_tokens": 400_000, "output_tokens": 7, "reasoning_output_tokens": 3},
    {"input_tokens": 300, "audio_input_tokens": 200, "output_tokens": 100, "audio_output_tokens": 60},
    {"input_tokens": 300, "cached_input_tokens": 100, "cache_write_input_tokens": 100, "output_tokens": 1},
    {"seconds": 61},
]


@pytest.mark.parametrize("usage", USAGES)
def test_every_model_costs_what_the_library_says(usage: dict[str, int]) -> None:
    """For each model of the catalogue our total is the library's, tiers and parts included, or there is none."""
    quantities = {meter: Decimal(count) for meter, count in usage.items()}
    asked = LibraryUsage(**{OUR_NAMES[meter]: count for meter, count in usage.items()})
    base = "seconds" if "seconds" in usage else "tokens"
    compared = 0
    for provider in providers:
        for model in provider.models:
            try:
                tariff = find_tariff((provider.id,), model.id, AT, quantities, base)
                total = tariff.charge(quantities).total_cost if tariff else None
            except UnknownPriceError:
                continue
            if tariff is None:
                with pytest.raises(LookupError):
                    calc_price(asked, model.id, provider_id=provider.id)
                continue
            library = calc_price(asked, model.id, provider_id=provider.id, genai_request_timestamp=AT)
            assert total == library.total_price.quantize(Decimal("1E-12")), (provider.id, model.id)
            compared += 1
    assert compared > (5 if base == "seconds" else 1500)


def test_the_price_of_the_moment_is_taken() -> None:
    """A model whose price was cut is charged at the old price before that day and at the new one from it on."""
    calculator = Calculator(PriceBook.built_in())
    usage = Usage("openai", {"input_tokens": Decimal(1_000_000)}, "o3")
    totals = [calculator.charge(usage, datetime(2025, month, 1, tzinfo=UTC)).total_cost for month in (5, 7)]

    assert totals == [Decimal(10), Decimal(2)]


@pytest.mark.parametrize(
    ("service", "provider", "model", "price_id"),
    [
        ("openai", "azure", "gpt-4o", "azure/gpt-4o"),
        ("openai", "azure.ai.openai", "gpt-4o", "azure/gpt-4o"),
        ("openai", "openai", "gpt-4o", "openai/gpt-4o"),
        ("openai", "own-gateway", "gpt-4o", "openai/gpt-4o"),
        ("whisper", None, "gpt-4o-transcribe", "openai/gpt-4o-transcribe"),
        ("gcp.gen_ai", None, "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("anthropic", None, "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("openai", None, "text-embedding-3-small", "openai/text-embedding-3-small"),
    ],
)
def test_a_provider_is_found_by_the_names_that_spans_carry(
    service: str, provider: str | None, model: str, price_id: str
) -> None:
    """The provider decides, by its GenAI name too; one that the library does not know leaves it to the service."""
    usage = Usage(service, {"input_tokens": Decimal(10)}, model, provider=provider)
    charge = Calculator(PriceBook.built_in()).charge(usage, AT)

    assert charge.price_id == f"genai-prices/0.2.3/{price_id}"


def test_names_too_long_to_be_models_are_not_looked_up() -> None:
    """A span cannot fill the memory of lookups with megabytes of made-up model names."""
    assert find_tariff(("openai",), "gpt-4o" + "x" * 1000, AT, {}, "tokens") is None


def test_pricing_by_the_book_imports_nothing_but_the_standard_library() -> None:
    """Neither OpenTelemetry nor the catalogue is imported to charge what the book lists."""
    program = (
        "import sys, datetime as d, decimal\n"
        "from spanledger.pricing import Calculator, PriceBook, Usage\n"
        "usage = Usage('openai', {'input_tokens': decimal.Decimal(1000)}, 'gpt-4')\n"
        "print(Calculator(PriceBook.built_in()).charge(usage, d.datetime.now(d.UTC)).total_cost.normalize())\n"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('opentelemetry', 'genai_prices', 'pydantic', 'httpx2')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.splitlines() == ["0.03", "[]"]

"""Models that the price book does not list, priced by the dated, offline catalogue of ``genai-prices``.

The catalogue's rates become a :class:`~spanledger.pricing.tariff.Tariff`, so that one arithmetic charges everything.
The bundled data is read directly: a process that lets the library update itself still prices as any other one does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import UnknownPriceError
from spanledger.pricing.meters import METERS
from spanledger.pricing.tariff import Rate, Tariff
from spanledger.pricing.units import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from genai_prices.types import ModelInfo, Provider, TieredPrices

__all__ = ["find_tariff", "newest_day", "why_unavailable"]

_PROVIDERS: Final = {
    "whisper": "openai",
    "azure.ai.openai": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
}
"""Names in ``gen_ai.provider.name`` and ``cost.service`` that the library knows by another id."""

_PRICE_KEYS: Final = {
    "input_tokens": ("input_mtok", 1_000_000),
    "cached_input_tokens": ("cache_read_mtok", 1_000_000),
    "cache_write_input_tokens": ("cache_write_mtok", 1_000_000),
    "audio_input_tokens": ("input_audio_mtok", 1_000_000),
    "output_tokens": ("output_mtok", 1_000_000),
    "reasoning_output_tokens": ("output_reasoning_mtok", 1_000_000),
    "audio_output_tokens": ("output_audio_mtok", 1_000_000),
    "seconds": ("audio_hours", 3_600),
    "characters": ("input_mchars", 1_000_000),
    "requests": ("requests_kcount", 1_000),
}
"""Our meters and the library's prices, each for so many base units."""

_AUDIO: Final = ("audio_input_tokens", "audio_output_tokens")
"""Tokens that cost a multiple of text where a model is made for them."""

_BASE_UNITS: Final = {unit.name: unit for unit in UNITS if unit.name == unit.base}
_SHOWN_IN: Final = {**_BASE_UNITS, "seconds": next(unit for unit in UNITS if unit.name == "minutes")}
_LONGEST_NAME: Final = 256
_ZERO: Final = Decimal(0)


@dataclass(eq=False)
class _Entry:
    """A model of the catalogue, with one record a price of it; the catalogue bounds their number."""

    provider: Provider
    model: ModelInfo
    prices: dict[int, _EntryPrice] = field(default_factory=dict[int, "_EntryPrice"])

    def price(self, at: datetime) -> _EntryPrice:
        """The price that holds at a moment."""
        price = self.model.get_prices(at)
        found = self.prices.get(id(price))
        if found is None:
            found = self.prices[id(price)] = _EntryPrice(vars(price))
        return found


class _EntryPrice:
    """One price of a model: its amounts by meter, where its tiers start, and the tariffs made of it so far."""

    def __init__(self, amounts: Mapping[str, Decimal | TieredPrices | None]) -> None:
        self.amounts = {
            meter: amount for meter, (key, _) in _PRICE_KEYS.items() if (amount := amounts.get(key)) is not None
        }
        self.tier_starts = {
            tier.start for amount in self.amounts.values() if not isinstance(amount, Decimal) for tier in amount.tiers
        }
        self.cached_audio_apart = amounts.get("cache_audio_read_mtok") is not None
        self.tariffs: dict[tuple[int, str], Tariff] = {}

    def rates(self, input_tokens: Decimal) -> dict[str, Rate]:
        """The rates for a call of so many input tokens."""
        return {
            meter: Rate(_amount(price, input_tokens), Decimal(_PRICE_KEYS[meter][1]), _BASE_UNITS[METERS[meter].base])
            for meter, price in self.amounts.items()
        }


@cache
def why_unavailable() -> str | None:
    """Why the catalogue cannot be read, with what to do about it; None if it can."""
    try:
        import_module("genai_prices")
    except ImportError as error:
        return f"genai-prices is not usable ({error}): pip install 'spanledger[openai]'"
    return None


def find_tariff(
    providers: tuple[str | None, ...], model: str, at: datetime, quantities: Mapping[str, Decimal], base: str
) -> Tariff | None:
    """The catalogue's tariff of a model at a moment.

    Args:
        providers: Whose catalogue to look in: the first of these that the library knows; None entries are skipped.
        model: Name of the model, as asked for or as served.
        at: Moment of the call; some prices depend on the time of day.
        quantities: What was used; some prices depend on the number of input tokens.
        base: Base unit that the usage is stated in.

    Returns:
        The tariff, or None if the model is unknown or the library is not installed.

    Raises:
        UnknownPriceError: The model is known, but its price cannot be applied to such usage.
    """
    if why_unavailable() is not None:
        return None
    entry = _find_entry(tuple(name.lower() for name in providers if name), model.lower())
    if entry is None:
        return None
    price = entry.price(at)
    complaint = _what_rates_cannot_say(entry, price, quantities, base)
    if complaint:
        message = f"{entry.provider.id} {complaint}"
        raise UnknownPriceError(message)
    input_tokens = quantities.get("input_tokens", _ZERO)
    key = (sum(input_tokens > start for start in price.tier_starts), base)
    if key not in price.tariffs:
        price.tariffs[key] = _tariff(entry, price.rates(input_tokens), base)
    return price.tariffs[key]


@lru_cache(maxsize=8)
def newest_day(until: date) -> date | None:
    """The newest day, up to a given one, on which a price of the catalogue took effect.

    Most of its prices do not say since when they hold, so the catalogue itself may be younger. None if the library is
    not installed, or no price says a day.
    """
    if why_unavailable() is not None:
        return None
    from genai_prices.data import providers  # noqa: PLC0415 - as in _find_entry
    from genai_prices.types import StartDateConstraint  # noqa: PLC0415

    conditional = (
        price.constraint
        for provider in providers
        for model in provider.models
        if isinstance(model.prices, list)
        for price in model.prices
    )
    days = (each.start_date for each in conditional if isinstance(each, StartDateConstraint))
    return max((day for day in days if day <= until), default=None)


@lru_cache(maxsize=4096)
def _find_entry(provider_names: tuple[str, ...], model: str) -> _Entry | None:
    if any(len(name) > _LONGEST_NAME for name in (model, *provider_names)):
        return None
    from genai_prices.data import providers  # noqa: PLC0415 - an optional library that takes half a second to import
    from genai_prices.data_snapshot import find_provider_by_id  # noqa: PLC0415

    names = (_PROVIDERS.get(name, name) for name in provider_names)
    provider = next((found for name in names if (found := find_provider_by_id(providers, name))), None)
    known = provider.find_model(model, all_providers=providers) if provider else None
    return _Entry(provider, known) if provider and known else None


def _what_rates_cannot_say(
    entry: _Entry, price: _EntryPrice, quantities: Mapping[str, Decimal], base: str
) -> str | None:
    if price.cached_audio_apart and quantities.get("cached_input_tokens") and quantities.get("audio_input_tokens"):
        return "prices cached audio apart, and the usage does not say how much of the cached input was audio"
    unsaid = [name for name in _AUDIO if quantities.get(name) and name not in price.amounts]
    if unsaid and "audio" in entry.model.id:
        return f"does not say what {' and '.join(unsaid)} of {entry.model.id} cost"
    if "requests" in price.amounts and "requests" not in quantities:
        return "charges for each request, and the usage does not say how many there were"
    if entry.provider.id == "groq" and base == "seconds":
        return "bills at least 10 seconds a call, and the usage may be of several"
    if not any(METERS[meter].base == base for meter in price.amounts):
        return f"prices {entry.model.id} by {', '.join(price.amounts) or 'nothing known'}, not by {base}"
    return None


def _tariff(entry: _Entry, rates: Mapping[str, Rate], base: str) -> Tariff:
    return Tariff(
        price_id=f"genai-prices/{_version()}/{entry.provider.id}/{entry.model.id}",
        shown_in=_SHOWN_IN[base],
        rates=rates,
        currency="USD",
    )


def _amount(price: Decimal | TieredPrices, input_tokens: Decimal) -> Decimal:
    if isinstance(price, Decimal):
        return price
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base


@cache
def _version() -> str:
    from genai_prices import __version__  # noqa: PLC0415 - an optional library

    return __version__

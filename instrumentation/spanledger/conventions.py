"""Paid calls as other instrumentations describe them, read into one form.

Sources: OpenTelemetry's GenAI conventions, current and earlier names; OpenInference's semantic conventions (``llm.*``);
OpenLLMetry (Traceloop); Logfire, which also keeps the provider's usage object as JSON. Every name stands here once,
newest first: of several that are present, the first wins.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, cast

from spanledger.pricing.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FOREIGN_ATTRIBUTES", "FOREIGN_USAGE", "OPENAI_PROVIDERS", "ForeignCall", "read_foreign_call"]

OPENAI_PROVIDERS: Final = frozenset({"openai", "azure", "azure.ai.openai", "az.ai.openai"})
"""Providers, in lower case, whose calls are booked under the service ``openai``; any other is a service of its own."""

_TOKENS: Final = {
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
    ),
    "cached_input_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "cache_write_input_tokens": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "audio_input_tokens": ("gen_ai.usage.audio.input_tokens", "llm.token_count.prompt_details.audio"),
    "audio_output_tokens": ("gen_ai.usage.audio.output_tokens", "llm.token_count.completion_details.audio"),
    "reasoning_output_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
}
"""Names of token counts by the meter they are of."""

_RAW_USAGE: Final = ("gen_ai.usage.raw",)
_RAW_TOKENS: Final = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "cached_input_tokens": ("input_tokens_details.cached_tokens", "prompt_tokens_details.cached_tokens"),
    "audio_input_tokens": ("input_token_details.audio_tokens", "prompt_tokens_details.audio_tokens"),
    "audio_output_tokens": ("completion_tokens_details.audio_tokens",),
    "reasoning_output_tokens": (
        "output_tokens_details.reasoning_tokens",
        "completion_tokens_details.reasoning_tokens",
    ),
}
"""Paths within OpenAI's own usage object, of its chat, responses and transcription endpoints."""

_COST: Final = (
    "gen_ai.usage.cost.amount",
    "gen_ai.usage.cost",
    "gen_ai.usage.cost_usd",
    "llm.cost.total",
    "llm.usage.cost",
    "operation.cost",
)
_CURRENCY: Final = ("gen_ai.usage.cost.currency",)
_PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
_REQUEST_MODEL: Final = ("gen_ai.request.model", "llm.request.model")
_RESPONSE_MODEL: Final = (
    "gen_ai.response.model",
    "llm.response.model_name",
    "llm.model_name",
    "embedding.model_name",
    "llm.response.model",
)
_PARAMETERS: Final = ("llm.invocation_parameters", "embedding.invocation_parameters")
_TIER: Final = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
)
"""The tier that a call was served in, else the one that was asked for."""
_RESPONSE_ID: Final = ("gen_ai.response.id",)
_OPERATION: Final = ("gen_ai.operation.name", "llm.request.type", "openinference.span.kind")
_USER: Final = (
    "user.id",
    "enduser.id",
    "enduser.pseudo.id",
    "gen_ai.user",
    "llm.user",
    "traceloop.association.properties.user_id",
)
_PROMPT: Final = ("gen_ai.prompt.name", "traceloop.prompt.key", "prompt.id")

FOREIGN_USAGE: Final = tuple(
    dict.fromkeys((*(name for names in _TOKENS.values() for name in names), *_RAW_USAGE, *_COST))
)
"""Attributes any one of which makes a span without ``cost.service`` a paid call."""

FOREIGN_ATTRIBUTES: Final = (
    *FOREIGN_USAGE,
    *_CURRENCY,
    *_PROVIDER,
    *_REQUEST_MODEL,
    *_RESPONSE_MODEL,
    *_PARAMETERS,
    *_TIER,
    *_RESPONSE_ID,
    *_OPERATION,
    *_USER,
    *_PROMPT,
)
"""Every attribute that :func:`read_foreign_call` looks at."""


@dataclass(frozen=True, slots=True)
class ForeignCall:
    """One span of another instrumentation, as the calculator and the ledger want it.

    Attributes:
        usage: What was used; its quantities are empty where the span only states a cost.
        stated_cost: What the span says it cost, in ``currency``; None if it does not say. 0 is a statement.
        currency: ISO 4217 code of the stated cost.
        operation: ``{model}_{operation}``, or with the prompt's name in place of the operation.
        response_id: The provider's identifier of the answer; empty if unknown. Two spans with the same one describe the
            same call.
        user_id: On whose behalf, where any of the known attributes says; empty otherwise.
        prompt_name: The prompt's name; empty if unknown.
    """

    usage: Usage
    stated_cost: Decimal | None
    currency: str
    operation: str
    response_id: str
    user_id: str
    prompt_name: str


def read_foreign_call(attributes: Mapping[str, str]) -> ForeignCall | None:
    """Read a span's attributes, given as text.

    Returns:
        The call; None if no convention finds a cost or a usage in it.
    """
    raw = _json_object(_first(attributes, _RAW_USAGE))
    quantities = _token_quantities(attributes, raw)
    stated_cost = _amount(_first(attributes, _COST))
    if not quantities and stated_cost is None:
        return None
    provider = _first(attributes, _PROVIDER).lower()
    served = _first(attributes, _RESPONSE_MODEL)
    parameters = _json_object(_first(attributes, _PARAMETERS))
    requested = _first(attributes, _REQUEST_MODEL) or _text(parameters.get("model")) or served
    prompt_name = _first(attributes, _PROMPT)
    is_openai = not provider or provider in OPENAI_PROVIDERS
    service = "whisper" if "seconds" in quantities else "openai" if is_openai else provider
    suffix = prompt_name or _first(attributes, _OPERATION).lower()
    return ForeignCall(
        usage=Usage(
            service, quantities, requested or None, served or None, provider or None, _first(attributes, _TIER) or None
        ),
        stated_cost=stated_cost,
        currency=_first(attributes, _CURRENCY) or "USD",
        operation="_".join(part for part in (requested, suffix) if part),
        response_id=_first(attributes, _RESPONSE_ID),
        user_id=_first(attributes, _USER),
        prompt_name=prompt_name,
    )


def _token_quantities(attributes: Mapping[str, str], raw: Mapping[str, object]) -> dict[str, Decimal]:
    """Meter quantities, those of the attributes first, then those of the provider's own usage object."""
    if raw.get("type") == "duration":
        seconds = _amount(_text(raw.get("seconds")))
        return {} if seconds is None else {"seconds": seconds}
    found: dict[str, Decimal] = {}
    for meter, names in _TOKENS.items():
        stated = _amount(_first(attributes, names))
        if stated is None:
            stated = _amount(next((text for path in _RAW_TOKENS.get(meter, ()) if (text := _at(raw, path))), ""))
        if stated is not None:
            found[meter] = stated
    return found


def _first(attributes: Mapping[str, str], names: Sequence[str]) -> str:
    return next((attributes[name] for name in names if attributes.get(name)), "")


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _json_object(text: str) -> dict[str, object]:
    try:
        value: object = json.loads(text) if text else {}
    except ValueError:
        return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _at(value: object, path: str) -> str:
    for name in path.split("."):
        value = cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
    return _text(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)

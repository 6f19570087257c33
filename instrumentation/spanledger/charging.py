"""From what a span says was used to what it cost: which spans are charged, and as what.

A span that states its amount, or that it has none, is left as it is. One with ``cost.service`` is charged for its
``cost.usage.*`` meters, or for its quantity. A model call by the GenAI conventions is charged for its tokens, but only
the call itself: agents and workflows repeat the usage of the calls inside them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import StatusCode

from spanledger.attributes import (
    COST_CURRENCY,
    COST_FEES_PREFIX,
    COST_METADATA_PREFIX,
    COST_OPERATION,
    COST_PRICE_ID,
    COST_QUANTITY,
    COST_REASON,
    COST_SERVICE,
    COST_SOURCE,
    COST_TOTAL_COST,
    COST_UNIT,
    COST_UNIT_COST,
    COST_USAGE_PREFIX,
    GEN_AI_CACHE_READ_TOKENS,
    GEN_AI_INPUT_TOKENS,
    GEN_AI_OPERATION,
    GEN_AI_OUTPUT_TOKENS,
    GEN_AI_PROVIDER,
    GEN_AI_REASONING_TOKENS,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_MODEL,
    OPENAI_SERVICE_TIER,
    PROMPT_CATEGORY,
    PROMPT_NAME,
)
from spanledger.conventions import OPENAI_PROVIDERS
from spanledger.exceptions import InvalidRequestError
from spanledger.guard import guarded
from spanledger.pricing import Charge, CostSource, Usage
from spanledger.records import stated_amounts
from spanledger.values import decimal_text, non_negative, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from opentelemetry.sdk.trace import ReadableSpan

    from spanledger.pricing import Calculator

__all__ = ["cost_attributes", "service_of"]

LEAF_OPERATIONS: Final = frozenset({"chat", "text_completion", "embeddings", "responses", "generate_content"})
"""GenAI operations that are one model call each; every other one may contain such calls."""

SECOND_DESCRIPTIONS: Final = ("opentelemetry.instrumentation.openai", "logfire")
"""How the scopes of instrumentations begin that describe calls which Spanledger meters itself.

Whether such a span is a call of its own shows only where the whole trace is known: the ledger prices it.
"""

_TOKEN_METERS: Final = {
    GEN_AI_INPUT_TOKENS: "input_tokens",
    GEN_AI_OUTPUT_TOKENS: "output_tokens",
    GEN_AI_CACHE_READ_TOKENS: "cached_input_tokens",
    GEN_AI_REASONING_TOKENS: "reasoning_output_tokens",
}
_PART_OF: Final = {"cached_input_tokens": "input_tokens", "reasoning_output_tokens": "output_tokens"}
_PROVIDER_METADATA: Final = f"{COST_METADATA_PREFIX}provider"
_FEES: Final = COST_FEES_PREFIX.removeprefix(COST_USAGE_PREFIX)
_NANOSECONDS: Final = 1_000_000_000


def cost_attributes(span: ReadableSpan, calculator: Calculator) -> dict[str, str]:
    """The attributes that make a span a priced cost record; empty if there is nothing to add to it.

    Whatever goes wrong while pricing, the record stays: unpriced, with the reason.

    Args:
        span: An ended span.
        calculator: Prices what was used, as of the span's start.
    """
    attributes = span.attributes or {}
    if COST_TOTAL_COST in attributes:
        return {}
    if COST_SERVICE in attributes:
        added: dict[str, str] = {}
    elif _is_model_call(span, attributes):
        added = _model_call(attributes)
    else:
        return {}
    if COST_SOURCE in attributes:
        return added
    with guarded("pricing"):
        started = datetime.fromtimestamp((span.start_time or 0) // _NANOSECONDS, UTC)
        return added | _charged({**attributes, **added}, calculator, started)
    return added | {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: "pricing failed; the engine's log says why"}


def service_of(provider: str) -> str:
    """The service that calls to a provider of language models are booked under."""
    return "openai" if provider in OPENAI_PROVIDERS else text(provider)


def _charged(attributes: Mapping[str, object], calculator: Calculator, at: datetime) -> dict[str, str]:
    try:
        if COST_UNIT_COST in attributes and COST_QUANTITY in attributes:
            currency = _optional(attributes, COST_CURRENCY) or "USD"
            return stated_amounts(attributes[COST_QUANTITY], attributes[COST_UNIT_COST], None, currency)
        charge = _charge(attributes, calculator, at)
    except InvalidRequestError as error:
        return {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: text(error.detail)}
    if charge is None:
        reason = "the call states neither its usage nor a quantity"
        return {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: reason}
    return _charge_attributes(charge)


def _charge(attributes: Mapping[str, object], calculator: Calculator, at: datetime) -> Charge | None:
    """Ask the calculator; None if the span does not say what was used."""
    service = str(attributes[COST_SERVICE])
    model = _optional(attributes, GEN_AI_REQUEST_MODEL)
    provider = _optional(attributes, GEN_AI_PROVIDER) or _optional(attributes, _PROVIDER_METADATA)
    quantities = _quantities(attributes)
    if quantities:
        usage = Usage(
            service=service,
            quantities=quantities,
            model=model,
            served_model=_optional(attributes, GEN_AI_RESPONSE_MODEL),
            provider=provider,
            tier=_optional(attributes, OPENAI_SERVICE_TIER),
            fees=_below(COST_FEES_PREFIX, attributes),
        )
        return calculator.charge(usage, at=at)
    if COST_QUANTITY not in attributes or COST_UNIT not in attributes:
        return None
    quantity = non_negative(attributes[COST_QUANTITY], "quantity")
    unit = str(attributes[COST_UNIT])
    return calculator.charge_quantity(service, quantity, unit, at=at, model=model, provider=provider)


def _quantities(attributes: Mapping[str, object]) -> dict[str, Decimal]:
    """What was metered: own meters, else tokens by the GenAI conventions if no bare quantity is stated."""
    metered = {
        name: count for name, count in _below(COST_USAGE_PREFIX, attributes).items() if not name.startswith(_FEES)
    }
    if metered or COST_QUANTITY in attributes:
        return metered
    tokens = {
        meter: non_negative(attributes[name], name) for name, meter in _TOKEN_METERS.items() if name in attributes
    }
    return {meter: count for meter, count in tokens.items() if _PART_OF.get(meter, meter) in tokens}


def _below(prefix: str, attributes: Mapping[str, object]) -> dict[str, Decimal]:
    """The counts of the attributes below a prefix, by the rest of their names."""
    return {
        name.removeprefix(prefix): non_negative(value, name)
        for name, value in attributes.items()
        if name.startswith(prefix)
    }


def _is_model_call(span: ReadableSpan, attributes: Mapping[str, object]) -> bool:
    """A model call that succeeded, or failed after tokens had been used, or says why it has no amount."""
    if attributes.get(GEN_AI_OPERATION) not in LEAF_OPERATIONS:
        return False
    scope = span.instrumentation_scope
    if scope is not None and scope.name.startswith(SECOND_DESCRIPTIONS):
        return False
    succeeded = span.status.status_code is not StatusCode.ERROR
    return succeeded or COST_SOURCE in attributes or any(name in attributes for name in _TOKEN_METERS)


def _model_call(attributes: Mapping[str, object]) -> dict[str, str]:
    """Service, operation and metadata of a model call."""
    provider = str(attributes.get(GEN_AI_PROVIDER, "openai"))
    model = text(attributes.get(GEN_AI_REQUEST_MODEL, attributes.get(GEN_AI_RESPONSE_MODEL, "unknown")))
    category, name = _optional(attributes, PROMPT_CATEGORY), _optional(attributes, PROMPT_NAME)
    inside_prompt = category is not None and name is not None
    metadata = {
        "prompt_category": category,
        "prompt_name": name,
        "prompt_tokens": _optional(attributes, GEN_AI_INPUT_TOKENS),
        "completion_tokens": _optional(attributes, GEN_AI_OUTPUT_TOKENS),
    }
    call = f"{category}_{name}" if inside_prompt else str(attributes[GEN_AI_OPERATION])
    return {
        COST_SERVICE: service_of(provider),
        COST_OPERATION: text(f"{model}_{call}"),
        **{COST_METADATA_PREFIX + key: value for key, value in metadata.items() if value is not None},
    }


def _charge_attributes(charge: Charge) -> dict[str, str]:
    stated = {
        COST_QUANTITY: decimal_text(charge.quantity),
        COST_UNIT: charge.unit,
        COST_UNIT_COST: None if charge.unit_cost is None else decimal_text(charge.unit_cost),
        COST_TOTAL_COST: None if charge.total_cost is None else decimal_text(charge.total_cost),
        COST_CURRENCY: charge.currency,
        COST_SOURCE: charge.source.value,
        COST_PRICE_ID: charge.price_id,
        COST_REASON: charge.reason,
    }
    return {name: value for name, value in stated.items() if value is not None}


def _optional(attributes: Mapping[str, object], name: str) -> str | None:
    value = attributes.get(name)
    return None if value is None else text(value)

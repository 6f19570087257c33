"""One paid call to OpenAI: its span from the request to the last byte of the answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.context import Context, attach, create_key, detach, get_value, set_value
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from spanledger.attributes import (
    COST_FEES_PREFIX,
    COST_METADATA_PREFIX,
    COST_OPERATION,
    COST_REASON,
    COST_SERVICE,
    COST_SOURCE,
    COST_USAGE_PREFIX,
    ERROR_TYPE,
    GEN_AI_CACHE_READ_TOKENS,
    GEN_AI_INPUT_TOKENS,
    GEN_AI_MAX_TOKENS,
    GEN_AI_OPERATION,
    GEN_AI_OUTPUT_TOKENS,
    GEN_AI_PROVIDER,
    GEN_AI_REASONING_TOKENS,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_ID,
    GEN_AI_RESPONSE_MODEL,
    GEN_AI_TEMPERATURE,
    OPENAI_API_TYPE,
    OPENAI_SERVICE_TIER,
)
from spanledger.calls.openai_tools import charge_containers
from spanledger.calls.openai_usage import Answer
from spanledger.clock import now_ns
from spanledger.guard import guarded
from spanledger.pricing import CostSource
from spanledger.pricing.tiers import STANDARD_TIERS
from spanledger.values import metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token

    from spanledger.calls.openai_endpoints import Endpoint
    from spanledger.values import Attribute

__all__ = ["Call", "answer_attributes", "current_call"]

_TRACER = trace.get_tracer("spanledger.openai", __version__)
_KEY: Final = create_key("spanledger-openai-call")

ADOPTED_SCOPES: Final = frozenset(
    {"opentelemetry.instrumentation.genai.openai", "opentelemetry.instrumentation.openai_v2"}
)
"""Instrumentations whose span of the same call is completed instead of opening a second one."""

_TOKENS: Final = {
    "input_tokens": GEN_AI_INPUT_TOKENS,
    "output_tokens": GEN_AI_OUTPUT_TOKENS,
    "cached_input_tokens": GEN_AI_CACHE_READ_TOKENS,
    "reasoning_output_tokens": GEN_AI_REASONING_TOKENS,
}
_LATER: Final = "the answer is made in the background, and charged when it is retrieved"

_PARAMETERS: Final = {
    GEN_AI_TEMPERATURE: ("temperature",),
    GEN_AI_MAX_TOKENS: ("max_tokens", "max_completion_tokens", "max_output_tokens"),
}


class Call:
    """A call that is under way.

    Args:
        endpoint: Where it goes.
        provider: Who is asked.
        body: What the request says.
    """

    def __init__(self, endpoint: Endpoint, provider: str, body: Mapping[str, object]) -> None:
        self._endpoint = endpoint
        self._provider = provider
        self._name = text(body.get("model") or "unknown")
        tier = body.get("service_tier")
        self._tier = tier if isinstance(tier, str) else None
        self._in_background = body.get("background") is True
        self._metadata: dict[str, object] = {}
        self._unfinished = [True]
        self._process = os.getpid()
        self.attempts = 0
        """Requests sent so far; all but the last have failed."""
        self.measure: Callable[[], Mapping[str, Attribute]] | None = None
        """Says what was used where the answer does not; None where only the answer can."""
        attributes = _request_attributes(endpoint, provider, body)
        span = trace.get_current_span()
        scope = getattr(span, "instrumentation_scope", None)
        self._own = scope is None or scope.name not in ADOPTED_SCOPES or not span.is_recording()
        if self._own:
            name = f"{endpoint.operation} {self._name}"
            span = _TRACER.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        else:
            span.set_attributes(attributes)
        self._span: Span = span

    def enter(self) -> Token[Context] | None:
        """Make the call the current one of this thread or task; None if that failed."""
        with guarded("openai.enter"):
            return attach(set_value(_KEY, self, set_span_in_context(self._span)))
        return None

    @staticmethod
    def leave(token: Token[Context] | None) -> None:
        """Make current again what was before."""
        with guarded("openai.leave"):
            if token is not None:
                detach(token)

    def answered(self, answer: Answer) -> None:
        """The answer is complete."""
        self._finish(answer, None, _LATER if self._in_background else "the answer does not state its usage")

    def broken_off(self, answer: Answer, error: BaseException | None, events: int) -> None:
        """The answer came only in part: it is charged as far as its usage is known.

        Args:
            answer: What is known of it.
            error: What broke it off; None if the engine stopped reading.
            events: How many events of a stream came; 0 if it is none.
        """
        self.note("stream_events", events or None)
        why = "was not read to its end" if error is None else "broke off"
        self._finish(answer, error, f"the answer {why}: its usage did not come")

    def lost(self) -> None:
        """Metering failed: the record stays, without an amount."""
        with guarded("openai.lost"):
            self._finish(Answer(), None, "metering failed; the engine's log says why")

    def failed(self, error: BaseException) -> None:
        """The call failed without an answer, which costs nothing."""
        if self._begin_to_finish():
            self._end({}, error)

    def _finish(self, answer: Answer, error: BaseException | None, reason: str) -> None:
        if not self._begin_to_finish():
            return
        attributes: dict[str, Attribute] = {}
        with guarded("openai.answer"):
            attributes = answer_attributes(answer, self._tier)
            if self._endpoint.unpriced is not None:
                attributes |= _unpriced(self._endpoint.unpriced)
            elif not answer.quantities:
                attributes |= self._unstated(reason)
            if not self._endpoint.is_model_call:
                attributes[COST_SERVICE] = self._endpoint.service
                attributes[COST_OPERATION] = text(f"{self._name}_{self._endpoint.operation}")
        self._end(attributes, error)
        if answer.containers:
            charge_containers(answer.containers, self._provider, now_ns())

    def _unstated(self, reason: str) -> Mapping[str, Attribute]:
        """What was used where the answer does not say; the reason if nobody can."""
        with guarded("openai.measure"):
            if self.measure is not None and (measured := self.measure()):
                return measured
        return _unpriced(reason)

    def _begin_to_finish(self) -> bool:
        """Whether nobody has finished the call yet; popping is atomic, and the garbage collector may come anywhere.

        A forked child that drops its copy of a call says nothing of it: it is the parent's, under the same span id.
        """
        if os.getpid() != self._process:
            return False
        try:
            return self._unfinished.pop()
        except IndexError:
            return False

    def _end(self, attributes: dict[str, Attribute], error: BaseException | None) -> None:
        if self.attempts > 1:
            self._metadata["attempts"] = self.attempts
        with guarded("openai.attributes"):
            self._span.set_attributes(metadata_attributes(COST_METADATA_PREFIX, self._metadata) | attributes)
        if not self._own:
            return
        if error is not None:
            self._span.set_attribute(ERROR_TYPE, type(error).__qualname__)
            with guarded("openai.error_message"):
                self._span.set_status(StatusCode.ERROR, text(f"{type(error).__name__}: {error}"))
        self._span.end()

    def note(self, key: str, value: object) -> None:
        """Keep a detail with the record."""
        self._metadata[key] = value


def _request_attributes(endpoint: Endpoint, provider: str, body: Mapping[str, object]) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {GEN_AI_PROVIDER: provider}
    if isinstance(model := body.get("model"), str):
        attributes[GEN_AI_REQUEST_MODEL] = text(model)
    if endpoint.api_type is not None:
        attributes[OPENAI_API_TYPE] = endpoint.api_type
    if endpoint.is_model_call:
        attributes[GEN_AI_OPERATION] = endpoint.operation
        for attribute, names in _PARAMETERS.items():
            for name in names:
                if isinstance(value := body.get(name), int | float):
                    attributes[attribute] = value
    return attributes


def _unpriced(reason: str) -> dict[str, Attribute]:
    return {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: reason}


def current_call(context: Context | None = None) -> Call | None:
    """The call that the code runs inside; None outside any."""
    call: Any = get_value(_KEY, context)
    return call if isinstance(call, Call) else None


def answer_attributes(answer: Answer, asked_tier: str | None = None) -> dict[str, Attribute]:
    """An answer as span attributes.

    Args:
        answer: What the provider said.
        asked_tier: The tier that was asked for, which counts where the answer does not name one.
    """
    attributes: dict[str, Attribute] = {}
    for meter, name in _TOKENS.items():
        if meter in answer.quantities:
            attributes[name] = answer.quantities[meter]
    if not attributes or answer.quantities.keys() - _TOKENS.keys():
        attributes |= {COST_USAGE_PREFIX + meter: count for meter, count in answer.quantities.items()}
    for tool, calls in answer.fees.items():
        attributes[COST_FEES_PREFIX + tool] = attributes[f"{COST_METADATA_PREFIX}{tool}_calls"] = calls
    tier = answer.tier or asked_tier or ""
    stated = {GEN_AI_RESPONSE_MODEL: answer.model, GEN_AI_RESPONSE_ID: answer.response_id, OPENAI_SERVICE_TIER: tier}
    attributes |= {name: text(value) for name, value in stated.items() if value}
    if tier not in STANDARD_TIERS:
        attributes[f"{COST_METADATA_PREFIX}service_tier"] = text(tier)
    return attributes

"""An engine that calls OpenAI with the vendor's client, watched by the instrumentations that the arguments name.

Arguments: the user on whose behalf it works, ``agent`` or ``direct``, and the names of instrumentations. With ``agent``
all calls lie in a span that repeats their usage, as agent frameworks write it. Standard variables say everything else.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionUserMessageParam
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

_QUESTION = "Name the scene in at most 10 tokens."
_INSTRUMENTORS = {
    "genai_openai": ("opentelemetry.instrumentation.genai.openai", "OpenAIInstrumentor"),
    "openinference": ("openinference.instrumentation.openai", "OpenAIInstrumentor"),
    "traceloop": ("opentelemetry.instrumentation.openai", "OpenAIInstrumentor"),
}


class _OnBehalfOf(SpanProcessor):
    """Stamps the user on every span, as the conventions leave it to the application."""

    def __init__(self, user: str) -> None:
        self._user = user

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        span.set_attribute("user.id", self._user)


def _provider(names: list[str]) -> TracerProvider:
    """The process's provider, set up as the documentation of whoever wants to own it says."""
    if "spanledger" in names:
        import_module("spanledger").configure("clients")
    elif "logfire" in names:
        logfire = import_module("logfire")
        logfire.configure(send_to_logfire=False, console=False, inspect_arguments=False)
        logfire.instrument_openai()
    else:
        exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(import_module("opentelemetry.sdk.trace.export").BatchSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
    owner: object = trace.get_tracer_provider()
    inner = getattr(owner, "provider", owner)  # Logfire's is a wrapper around the SDK's
    assert isinstance(inner, TracerProvider)
    return inner


def _calls(client: OpenAI) -> int:
    """One call of each kind; returns the tokens of all."""
    message: ChatCompletionUserMessageParam = {"role": "user", "content": _QUESTION}
    chat = client.chat.completions.create(model="gpt-4", messages=[message])
    stream = client.chat.completions.create(
        model="gpt-3.5-turbo", messages=[message], stream=True, stream_options={"include_usage": True}
    )
    streamed = [chunk.usage.total_tokens for chunk in stream if chunk.usage]
    embeddings = client.embeddings.create(model="text-embedding-3-small", input=_QUESTION)
    response = client.responses.create(model="gpt-4o-mini", input=_QUESTION)
    answered = sum(answer.usage.total_tokens for answer in (chat, response) if answer.usage)
    return answered + sum(streamed) + embeddings.usage.total_tokens


def main() -> None:
    """Call, and leave nothing unsent."""
    user, shape, *names = sys.argv[1:]
    provider = _provider(names)
    provider.add_span_processor(_OnBehalfOf(user))
    for name in names:
        if name in _INSTRUMENTORS:
            module, instrumentor = _INSTRUMENTORS[name]
            getattr(import_module(module), instrumentor)().instrument()
    if shape == "agent":
        with trace.get_tracer("agents").start_as_current_span("invoke_agent editor") as agent:
            agent.set_attribute("gen_ai.operation.name", "invoke_agent")
            agent.set_attribute("gen_ai.request.model", "gpt-4")
            agent.set_attribute("gen_ai.usage.input_tokens", _calls(OpenAI()))
    else:
        _calls(OpenAI())
    provider.shutdown()


main()

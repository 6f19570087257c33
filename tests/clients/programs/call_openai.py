"""Engines that call OpenAI with the vendor's client, each watched by the instrumentations that it is told.

They come as a JSON list on stdin; each is a process of its own, forked from this one, since loading the vendor's client
takes longer than all that an engine does. An engine has the ``user`` on whose behalf it works, the ``names`` of its
instrumentations, in the order in which they are switched on, its environment ``variables`` and its ``path``: folders
that only it imports from. With ``agent`` all calls lie in a span that repeats their usage, as agent frameworks write
it. The exit statuses of the engines go to stdout as a JSON list.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
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


def _engine(user: str, *, agent: bool, names: list[str]) -> None:
    """Call, and leave nothing unsent."""
    provider = _provider(names)
    provider.add_span_processor(_OnBehalfOf(user))
    for name in names:
        if name in _INSTRUMENTORS:
            module, instrumentor = _INSTRUMENTORS[name]
            getattr(import_module(module), instrumentor)().instrument()
    if agent:
        with trace.get_tracer("agents").start_as_current_span("invoke_agent editor") as span:
            span.set_attribute("gen_ai.operation.name", "invoke_agent")
            span.set_attribute("gen_ai.request.model", "gpt-4")
            span.set_attribute("gen_ai.usage.input_tokens", _calls(OpenAI()))
    else:
        _calls(OpenAI())
    provider.shutdown()


def _forked(variables: dict[str, str], path: list[str], user: str, *, agent: bool, names: list[str]) -> int:
    """Run an engine as a process; returns its exit status, 0 if nothing failed."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        os.environ.update(variables)
        sys.path[:0] = path
        _engine(user, agent=agent, names=names)
        status = 0
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run in the child
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


json.dump([_forked(**engine) for engine in json.load(sys.stdin)], sys.stdout)

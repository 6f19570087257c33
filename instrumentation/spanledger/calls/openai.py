"""OpenAI chat, responses and embeddings: metered by the official OpenTelemetry instrumentation.

It writes model and tokens on one span for each call; the amount is added on export.
"""

from __future__ import annotations

from opentelemetry.instrumentation.genai.openai import (  # pyright: ignore[reportMissingTypeStubs] - ships none
    OpenAIInstrumentor,
)

__all__ = ["instrument", "uninstrument"]


def instrument() -> None:
    """Meter every OpenAI client of the process; does nothing where the engine has instrumented it itself."""
    instrumentor = OpenAIInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument()


def uninstrument() -> None:
    """Meter no OpenAI client any more."""
    instrumentor = OpenAIInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()

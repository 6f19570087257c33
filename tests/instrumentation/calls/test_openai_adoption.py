"""An engine that uses OpenTelemetry's own instrumentation of OpenAI: one call is one record all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import openai
import pytest
from opentelemetry.instrumentation.genai.openai import (  # pyright: ignore[reportMissingTypeStubs] - ships none
    OpenAIInstrumentor,
)

from tests.instrumentation.calls.openai_calls import MESSAGES
from tests.instrumentation.openai_service import scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.instrumentation.recorder import Recorder


@pytest.fixture(autouse=True)
def _instrumented() -> Iterator[None]:
    """The engine has put the other instrumentation on."""
    OpenAIInstrumentor().instrument()
    yield
    OpenAIInstrumentor().uninstrument()


def test_its_span_is_completed(recorder: Recorder, paid: openai.OpenAI) -> None:
    """One span and one record for each call: plain, streamed without asking for usage, and embedded."""
    paid.chat.completions.create(model="gpt-4", messages=MESSAGES)
    list(paid.chat.completions.create(model="gpt-4", messages=MESSAGES, stream=True))
    paid.embeddings.create(model="text-embedding-3-small", input="hello")

    assert [record["cost.total_cost"] for record in recorder.costs()] == ["0.06", "0.06", "0.00002"]
    assert len(recorder.spans()) == 3


def test_asynchronous_spans_are_completed(recorder: Recorder, openai_url: str) -> None:
    """With the tier that the other instrumentation does not see on streams."""

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="key", base_url=openai_url) as client:
            async for _ in await client.chat.completions.create(
                model="o3", messages=MESSAGES, stream=True, extra_headers=scenario(tier="flex")
            ):
                pass

    asyncio.run(main())
    assert recorder.cost()["cost.total_cost"] == "0.003"
    assert len(recorder.spans()) == 1

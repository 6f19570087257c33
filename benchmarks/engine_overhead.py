"""What metering costs an engine's own OpenAI calls, on a transport that answers at once; prints one JSON line.

Rounds of the bare client, the official OpenTelemetry instrumentation alone, and Spanledger's metering alternate, so
that a busy machine is busy for all three. Times are a call's wall time in microseconds: the median, and the tenth
percentile, which a busy machine disturbs least.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
import wave
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx2
import openai
from opentelemetry.instrumentation.genai.openai import (  # pyright: ignore[reportMissingTypeStubs] - ships none
    OpenAIInstrumentor,
)
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import spanledger
from spanledger.calls import openai as metering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_Times: TypeAlias = dict[str, dict[str, list[float]]]

_USAGE: Final = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
_MESSAGES: Final[Any] = [{"role": "user", "content": "hello"}]


class _Nowhere(SpanExporter):
    """Takes spans and forgets them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Forget a batch."""
        del spans
        return SpanExportResult.SUCCESS


def _answer(request: httpx2.Request) -> httpx2.Response:
    """A chat, a stream of 20 chunks or a transcription."""
    if request.url.path.endswith("transcriptions"):
        return httpx2.Response(200, json={"text": "hello", "usage": {"type": "duration", "seconds": 90}})
    chat = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4"}
    body = json.loads(request.content)
    if not body.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
        return httpx2.Response(200, json=chat | {"choices": [choice], "usage": _USAGE})
    delta = {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": None}]}
    chunks: list[dict[str, Any]] = [chat | delta for _ in range(20)]
    if "stream_options" in body:
        chunks = [chunk | {"usage": None} for chunk in chunks] + [chat | {"choices": [], "usage": _USAGE}]
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return httpx2.Response(200, text=f"{events}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})


def _recording() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(1)
        audio.setframerate(1000)
        audio.writeframes(bytes(1000))
    return file.getvalue()


def _calls(client: openai.OpenAI) -> dict[str, Callable[[], object]]:
    recording = _recording()
    asked: Any = {"include_usage": True}
    create, transcribe = client.chat.completions.create, client.audio.transcriptions.create
    return {
        "chat": lambda: create(model="gpt-4", messages=_MESSAGES),
        "stream": lambda: list(create(model="gpt-4", messages=_MESSAGES, stream=True, stream_options=asked)),
        "stream_without_usage": lambda: list(create(model="gpt-4", messages=_MESSAGES, stream=True)),
        "transcription": lambda: transcribe(model="whisper-1", file=("voice.wav", recording)),
        "transcription_measured": lambda: transcribe(
            model="whisper-1", file=("voice.wav", recording), response_format="text"
        ),
    }


def _as_bare() -> None:
    metering.uninstrument()


def _as_official() -> None:
    metering.uninstrument()
    OpenAIInstrumentor().instrument()


def _as_metered() -> None:
    metering.instrument()


_WAYS: Final = {"bare": _as_bare, "official": _as_official, "spanledger": _as_metered}


def measure(rounds: int, calls: int) -> _Times:
    """Microseconds of every call, by kind and way.

    Args:
        rounds: How often the ways alternate.
        calls: Calls of a kind in one round of one way.
    """
    spanledger.configure("benchmark", exporter=_Nowhere())
    client = openai.OpenAI(
        api_key="key", http_client=openai.DefaultHttpxClient(transport=httpx2.MockTransport(_answer))
    )
    times: _Times = {}
    for _ in range(rounds):
        for way, prepare in _WAYS.items():
            prepare()
            for kind, call in _calls(client).items():
                taken = times.setdefault(kind, {}).setdefault(way, [])
                for _ in range(calls):
                    started = time.perf_counter_ns()
                    call()
                    taken.append((time.perf_counter_ns() - started) / 1000)
            spanledger.flush()
            if OpenAIInstrumentor().is_instrumented_by_opentelemetry:
                OpenAIInstrumentor().uninstrument()
    return times


def main() -> None:
    """Print the times, and what each way adds to the bare client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=40)
    options = parser.parse_args()
    times = measure(options.rounds, options.calls)
    medians = _each(times, statistics.median)
    fast = _each(times, lambda taken: statistics.quantiles(taken, n=10)[0])
    result = {"median": medians, "added": _added(medians), "p10": fast, "added_p10": _added(fast)}
    print(json.dumps({"benchmark": "engine_overhead", "unit": "us", **result}))


def _each(times: _Times, figure: Callable[[list[float]], float]) -> dict[str, dict[str, float]]:
    return {kind: {way: round(figure(taken), 1) for way, taken in ways.items()} for kind, ways in times.items()}


def _added(figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """What each way adds to the bare client."""
    return {
        kind: {way: round(ways[way] - ways["bare"], 1) for way in ("official", "spanledger")}
        for kind, ways in figures.items()
    }


if __name__ == "__main__":
    main()

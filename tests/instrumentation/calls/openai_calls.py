"""Every paid call that OpenAI's client offers, in every form it offers it, and what the engine gets from each."""

from __future__ import annotations

import io
import warnings
import wave
from typing import TYPE_CHECKING, Any, Final

import openai
import pydantic

from tests.instrumentation.openai_service import scenario

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CALLS", "MESSAGES", "STREAMS", "ataken", "recording", "taken"]

MESSAGES: Final[Any] = [{"role": "user", "content": "hello"}]
_TOOLS: Final[Any] = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
_DETAILED: Final = {
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 400, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 300, "audio_tokens": 0},
}
_SPOKEN: Final = {
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 600},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 400},
}


class Ledger(pydantic.BaseModel):
    """What a parsed answer is parsed into."""

    name: str


def recording(seconds: float = 90, rate: int = 1000) -> bytes:
    """A WAV file of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(1)
        audio.setframerate(rate)
        audio.writeframes(bytes(int(seconds * rate)))
    return file.getvalue()


_VOICE: Final = ("voice.wav", recording())


def _chat(model: str = "gpt-4", **more: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any parameter
    return lambda client: client.chat.completions.create(model=model, messages=MESSAGES, **more)


def _response(model: str = "gpt-4", **more: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any parameter
    return lambda client: client.responses.create(model=model, input="hello", **more)


def _transcription(model: str, kind: str = "json", **more: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any parameter
    return lambda client: client.audio.transcriptions.create(model=model, file=_VOICE, response_format=kind, **more)


def _speech(model: str, **more: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any parameter
    return lambda client: client.audio.speech.create(model=model, voice="alloy", input="hello " * 100, **more)


def _translation(client: Any) -> Any:  # noqa: ANN401 - a client of either kind
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the client: the endpoint is there as ever
        return client.audio.translations.create(model="whisper-1", file=_VOICE)


_ASKED: Final[dict[str, Any]] = {"stream": True, "stream_options": {"include_usage": True}}

CALLS: Final[dict[str, Callable[[Any], Any]]] = {
    "chat.completions.create": _chat(),
    "chat.completions.create, gpt-3.5-turbo": _chat("gpt-3.5-turbo"),
    "chat.completions.create, served as a dated snapshot": _chat(extra_headers=scenario(model="gpt-4-0613")),
    "chat.completions.create, a model nobody knows": _chat("house-model-1"),
    "chat.completions.create, tool call": _chat(tools=_TOOLS),
    "chat.completions.create, cached and reasoning tokens": _chat("o3", extra_headers=scenario(usage=_DETAILED)),
    "chat.completions.create, audio tokens": _chat("gpt-4o-audio-preview", extra_headers=scenario(usage=_SPOKEN)),
    "chat.completions.create, flex tier": _chat("o3", service_tier="flex", extra_headers=scenario(tier="flex")),
    "chat.completions.create, priority tier": _chat("gpt-4o", extra_headers=scenario(tier="priority")),
    "chat.completions.create, after 429 and 500": _chat(extra_headers=scenario(status=[429, 500, 200])),
    "chat.completions.create, no usage in the answer": _chat(extra_headers=scenario(usage=None)),
    "chat.completions.create, stream": _chat(stream=True),
    "chat.completions.create, stream with include_usage": _chat(**_ASKED),
    "chat.completions.create, stream, flex tier": _chat("o3", stream=True, extra_headers=scenario(tier="flex")),
    "chat.completions.create, stream, server without stream_options": _chat(
        "house-model-2", stream=True, extra_headers=scenario(knows_stream_options=False)
    ),
    "chat.completions.stream": lambda client: client.chat.completions.stream(model="gpt-4", messages=MESSAGES),
    "chat.completions.parse": lambda client: client.chat.completions.parse(
        model="gpt-4", messages=MESSAGES, response_format=Ledger
    ),
    "chat.completions.with_raw_response.create": lambda client: client.chat.completions.with_raw_response.create(
        model="gpt-4", messages=MESSAGES
    ),
    "chat.completions.with_raw_response.create, stream": lambda client: (
        client.chat.completions.with_raw_response.create(model="gpt-4", messages=MESSAGES, stream=True)
    ),
    "chat.completions.with_streaming_response.create": lambda client: (
        client.chat.completions.with_streaming_response.create(model="gpt-4", messages=MESSAGES)
    ),
    "chat.completions.with_streaming_response.create, stream": lambda client: (
        client.chat.completions.with_streaming_response.create(model="gpt-4", messages=MESSAGES, stream=True)
    ),
    "completions.create": lambda client: client.completions.create(model="gpt-3.5-turbo-instruct", prompt="hello"),
    "responses.create": _response(),
    "responses.create, stream": _response(stream=True),
    "responses.stream": lambda client: client.responses.stream(model="gpt-4", input="hello"),
    "responses.parse": lambda client: client.responses.parse(model="gpt-4", input="hello", text_format=Ledger),
    "responses.create, in the background": _response(background=True, extra_headers=scenario(id="resp_bg")),
    "embeddings.create": lambda client: client.embeddings.create(model="text-embedding-3-small", input="hello"),
    "audio.transcriptions.create, whisper-1, json": _transcription("whisper-1"),
    "audio.transcriptions.create, whisper-1, verbose_json": _transcription("whisper-1", "verbose_json"),
    "audio.transcriptions.create, whisper-1, text": _transcription("whisper-1", "text"),
    "audio.transcriptions.create, whisper-1, srt": _transcription("whisper-1", "srt"),
    "audio.transcriptions.create, whisper-1, vtt": _transcription("whisper-1", "vtt"),
    "audio.transcriptions.create, whisper-1, stream": _transcription("whisper-1", stream=True),
    "audio.transcriptions.create, gpt-4o-transcribe": _transcription("gpt-4o-transcribe"),
    "audio.transcriptions.create, gpt-4o-transcribe, text": _transcription("gpt-4o-transcribe", "text"),
    "audio.transcriptions.create, gpt-4o-transcribe, stream": _transcription("gpt-4o-transcribe", stream=True),
    "audio.transcriptions.create, gpt-4o-mini-transcribe": _transcription("gpt-4o-mini-transcribe"),
    "audio.transcriptions.create, gpt-4o-transcribe-diarize": _transcription(
        "gpt-4o-transcribe-diarize", "diarized_json"
    ),
    "audio.transcriptions.with_raw_response.create, whisper-1": lambda client: (
        client.audio.transcriptions.with_raw_response.create(model="whisper-1", file=_VOICE)
    ),
    "audio.translations.create, whisper-1": _translation,
    "audio.speech.create, tts-1": _speech("tts-1"),
    "audio.speech.create, tts-1-hd": _speech("tts-1-hd"),
    "audio.speech.create, gpt-4o-mini-tts": _speech("gpt-4o-mini-tts"),
    "audio.speech.create, gpt-4o-mini-tts, sse": _speech("gpt-4o-mini-tts", stream_format="sse"),
    "audio.speech.with_streaming_response.create, tts-1": lambda client: (
        client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="hello " * 100)
    ),
    "images.generate": lambda client: client.images.generate(model="gpt-image-1", prompt="hello"),
    "files.content, results of a batch": lambda client: client.files.content("file-batch"),
}
"""Calls by name. The same function serves a synchronous client and an asynchronous one."""

STREAMS: Final = tuple(name for name in CALLS if "stream" in name)
"""Those whose answer comes in pieces."""


def taken(result: Any) -> list[Any]:  # noqa: ANN401 - whatever a call returns
    """Everything that an engine can take out of a result, in a form that can be compared."""
    if "Manager" in type(result).__name__:
        with result as inside:
            return taken(inside)
    if hasattr(result, "iter_bytes") and not hasattr(result, "parse"):
        return [result.read()]
    if hasattr(result, "http_response"):
        return [result.status_code, *taken(result.parse())]
    if hasattr(result, "__next__") or hasattr(result, "get_final_completion") or hasattr(result, "get_final_response"):
        return [_plain(item) for item in result]
    return [_plain(result)]


async def ataken(result: Any) -> list[Any]:  # noqa: ANN401 - whatever a call returns
    """As :func:`taken`, for an asynchronous client."""
    if hasattr(result, "__await__"):
        result = await result
    if "Manager" in type(result).__name__:
        async with result as inside:
            return await ataken(inside)
    if hasattr(result, "http_response"):
        parsed = result.parse()
        return [result.status_code, *await ataken(await parsed if hasattr(parsed, "__await__") else parsed)]
    if hasattr(result, "iter_bytes"):
        return [result.content]
    if hasattr(result, "__aiter__"):
        return [_plain(item) async for item in result]
    return [_plain(result)]


def _plain(item: Any) -> object:  # noqa: ANN401 - whatever a call returns
    return item.to_dict(mode="json", warnings=False) if isinstance(item, openai.BaseModel) else str(item)

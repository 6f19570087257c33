"""The answers of the loopback OpenAI service, as they go over the wire."""

from __future__ import annotations

import base64
import json
import struct
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from spanledger_api.demo.openai_errors import context_exceeded
from spanledger_api.demo.openai_usage import chat_answer_tokens, chat_prompt_tokens, text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_api.demo.openai_requests import ChatRequest, EmbeddingRequest

_Json: TypeAlias = dict[str, object]

_FILLER = "The opening scene carries the story; keep it, and cut to the close-up before the music turns. "


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One answer of a chat model.

    Attributes:
        model: The dated name of the model.
        text: Filler, four bytes a token.
        prompt_tokens: Tokens of the request's messages.
        completion_tokens: Tokens of the answer.
        finish_reason: ``length`` if the request's limit cut the answer short, else ``stop``.
    """

    model: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str

    @classmethod
    def to(cls, request: ChatRequest) -> ChatAnswer:
        """The answer to a request.

        Raises:
            OpenAIRefusalError: There is no such model, or the request does not fit into its window.
        """
        model = request.served
        prompt_tokens = chat_prompt_tokens(request.texts)
        tokens = chat_answer_tokens(request.texts, request.limit)
        if prompt_tokens + tokens > model.window:
            raise context_exceeded(prompt_tokens + tokens, model.window)
        complete = tokens == chat_answer_tokens(request.texts, None)
        length = tokens * 4
        text = (_FILLER * (length // len(_FILLER) + 1))[:length].strip()
        return cls(model.dated, text, prompt_tokens, tokens, "stop" if complete else "length")

    def document(self) -> _Json:
        """The body of a plain response."""
        message = _object(role="assistant", content=self.text, refusal=None, annotations=[])
        choice = _object(index=0, message=message, logprobs=None, finish_reason=self.finish_reason)
        return self._envelope("chat.completion") | _object(choices=[choice], usage=self._usage())

    def events(self, *, with_usage: bool) -> Iterator[str]:
        """The server-sent events of a stream, usage last and only where it was asked for."""
        envelope = self._envelope("chat.completion.chunk") | (_object(usage=None) if with_usage else {})

        def event(delta: _Json, reason: str | None = None) -> str:
            choice = _object(index=0, delta=delta, logprobs=None, finish_reason=reason)
            return _event(envelope | _object(choices=[choice]))

        yield event(_object(role="assistant", content="", refusal=None))
        for number, word in enumerate(self.text.split(" ")):
            yield event(_object(content=f" {word}" if number else word))
        yield event({}, self.finish_reason)
        if with_usage:
            yield _event(envelope | _object(choices=[], usage=self._usage()))
        yield "data: [DONE]\n\n"

    def _envelope(self, kind: str) -> _Json:
        return _object(
            id=f"chatcmpl-{uuid.uuid4().hex[:29]}",
            object=kind,
            created=int(time.time()),
            model=self.model,
            service_tier="default",
            system_fingerprint="fp_5b26d85e12",
        )

    def _usage(self) -> _Json:
        return _object(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            total_tokens=self.prompt_tokens + self.completion_tokens,
            prompt_tokens_details={"cached_tokens": 0, "audio_tokens": 0},
            completion_tokens_details={"reasoning_tokens": 0, "audio_tokens": 0},
        )


def embedding_document(request: EmbeddingRequest) -> _Json:
    """The body with one unit vector for each text.

    Raises:
        OpenAIRefusalError: There is no such model.
    """
    model = request.served
    vector = [1.0, *([0.0] * (model.window - 1))]
    packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    embedding = packed if request.encoding_format == "base64" else vector
    rows = [_object(object="embedding", index=index, embedding=embedding) for index in range(len(request.texts))]
    tokens = sum(text_tokens(text) for text in request.texts)
    return _object(object="list", data=rows, model=model.dated, usage={"prompt_tokens": tokens, "total_tokens": tokens})


def transcription_document(seconds: float, *, verbose: bool) -> _Json:
    """The body of a transcription of this many seconds; the vendor bills whole seconds."""
    usage = _object(type="duration", seconds=round(seconds))
    text = _FILLER.strip()
    if not verbose:
        return _object(text=text, usage=usage)
    segment = _object(id=0, seek=0, start=0.0, end=seconds, text=text, tokens=[50364], temperature=0.0)
    segment |= _object(avg_logprob=-0.2, compression_ratio=1.1, no_speech_prob=0.01)
    return _object(task="transcribe", language="english", duration=seconds, text=text, segments=[segment], usage=usage)


def models_document(names: list[str]) -> _Json:
    """The list of models."""
    rows = [_object(id=name, object="model", created=1_686_935_002, owned_by="openai") for name in names]
    return _object(object="list", data=rows)


def _object(**members: object) -> _Json:
    return members


def _event(document: _Json) -> str:
    return f"data: {json.dumps(document)}\n\n"

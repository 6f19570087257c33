"""OpenAI's HTTP interface on loopback: the wire format is the real one, answers are filler, usage follows a rule.

Whoever talks to it uses the vendor's own client with ``OPENAI_BASE_URL`` set. The rule is in
:mod:`spanledger_api.demo.openai_usage`.
"""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from spanledger_api.demo.openai_answers import (
    ChatAnswer,
    embedding_document,
    models_document,
    transcription_document,
)
from spanledger_api.demo.openai_errors import OpenAIRefusalError, invalid_key, invalid_request, quota_exceeded
from spanledger_api.demo.openai_requests import MODELS, ChatRequest, EmbeddingRequest, TranscriptionRequest
from spanledger_api.demo.openai_usage import audio_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    _Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

KEY_WITHOUT_QUOTA: Final = "sk-without-quota"
"""The one API key whose account is empty: every request with it is refused with 429."""


def openai_service(*, seconds_per_token: float = 0.0) -> Starlette:
    """The service as an ASGI application, without state.

    Args:
        seconds_per_token: How long the service takes for one token of an answer; 0 answers at once.
    """

    async def chat(request: Request) -> Response:
        asked = ChatRequest.model_validate_json(await request.body())
        answer = ChatAnswer.to(asked)
        seconds = answer.completion_tokens * seconds_per_token
        if asked.stream:
            events = list(answer.events(with_usage=asked.wants_usage))
            return StreamingResponse(_paced(events, seconds / len(events)), media_type="text/event-stream")
        await asyncio.sleep(seconds)
        return JSONResponse(answer.document())

    return Starlette(
        routes=[
            Route("/v1/models", _guarded(_models)),
            Route("/v1/chat/completions", _guarded(chat), methods=["POST"]),
            Route("/v1/embeddings", _guarded(_embeddings), methods=["POST"]),
            Route("/v1/audio/transcriptions", _guarded(_transcription), methods=["POST"]),
        ]
    )


async def _paced(events: list[str], pause: float) -> AsyncIterator[str]:
    for event in events:
        await asyncio.sleep(pause)
        yield event


def _guarded(handler: _Handler) -> _Handler:
    """Check the key first, and answer a refusal in OpenAI's format."""

    async def guarded(request: Request) -> Response:
        try:
            _check_key(request.headers.get("authorization", ""))
            response = await handler(request)
        except OpenAIRefusalError as refusal:
            response = refusal.response()
        except ValidationError as error:
            response = invalid_request(error).response()
        response.headers["x-request-id"] = f"req_{uuid.uuid4().hex}"
        return response

    return guarded


def _check_key(authorization: str) -> None:
    scheme, _, key = authorization.partition(" ")
    if scheme != "Bearer" or not key.startswith("sk-"):
        raise invalid_key()
    if key == KEY_WITHOUT_QUOTA:
        raise quota_exceeded()


async def _models(request: Request) -> Response:
    del request
    return JSONResponse(models_document(list(MODELS)))


async def _embeddings(request: Request) -> Response:
    asked = EmbeddingRequest.model_validate_json(await request.body())
    return JSONResponse(embedding_document(asked))


async def _transcription(request: Request) -> Response:
    asked = TranscriptionRequest.from_form(await request.body(), request.headers.get("content-type", ""))
    _ = asked.served  # a model that does not exist is refused before the recording is read
    try:
        seconds = audio_seconds(asked.file)
    except ValueError as error:
        detail = f"Invalid file format: {error}."
        raise OpenAIRefusalError(HTTPStatus.BAD_REQUEST, detail, parameter="file") from error
    document = transcription_document(seconds, verbose=asked.response_format == "verbose_json")
    if asked.response_format == "text":
        return PlainTextResponse(f"{document['text']}\n")
    return JSONResponse(document)

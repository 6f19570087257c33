"""OpenAI on loopback for the engine's tests: the real wire formats, every answer and every refusal on demand.

A request says in the header ``x-scenario`` (JSON) what it wants: ``status``, one for each attempt; ``usage``;
``tier``; ``model``; ``cut``, after how many events the connection drops; ``knows_stream_options``. The header
``x-refuse`` has it refused with that status. Answers are the same for the same request, so that two runs can be
compared to the byte.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.requests import Request

_Json: TypeAlias = dict[str, Any]

__all__ = ["USAGE", "openai_service", "scenario"]

USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
RESPONSE_USAGE = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 500,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 1500,
}
TRANSCRIPTION_USAGE = {
    "type": "tokens",
    "input_tokens": 900,
    "input_token_details": {"text_tokens": 100, "audio_tokens": 800},
    "output_tokens": 200,
    "total_tokens": 1100,
}
SPEECH_USAGE = {"input_tokens": 100, "output_tokens": 2000, "total_tokens": 2100}
CREATED = 1_760_000_000
WORDS = ["Every", " debit", ' has "usage":null', " its", " credit"]
"""One of them looks like what has to be taken out of a stream."""


def scenario(**wishes: object) -> dict[str, str]:
    """The header that says what a request wants."""
    return {"x-scenario": json.dumps(wishes)}


def openai_service() -> Starlette:
    """The service as an ASGI application without state."""
    post = {
        "/chat/completions": _chat,
        "/completions": _chat,
        "/responses": _responses,
        "/embeddings": _embeddings,
        "/audio/transcriptions": _transcription,
        "/audio/translations": _transcription,
        "/audio/speech": _speech,
        "/images/generations": _image,
    }
    routes = [Route(prefix + path, _answer(f), methods=["POST"]) for path, f in post.items() for prefix in _PREFIXES]
    routes += [
        Route("/v1/files/{file}/content", _answer(_file)),
        Route("/v1/responses/{id}", _answer(_stored_response)),
        Route("/v1/batches/{id}", _answer(_batch)),
    ]
    return Starlette(routes=routes)


_PREFIXES = ("/v1", "/openai/deployments/{deployment}")


def _answer(handler: Any) -> Any:  # noqa: ANN401 - starlette's handlers
    """Refuse as the scenario says, else answer."""

    async def answer(request: Request) -> Response:
        wishes = json.loads(request.headers.get("x-scenario", "{}"))
        statuses = wishes.get("status", [200])
        if "x-refuse" in request.headers:
            statuses = [int(request.headers["x-refuse"])]
        status = statuses[min(int(request.headers.get("x-stainless-retry-count", 0)), len(statuses) - 1)]
        body = await _body(request)
        if status == 200 and "stream_options" in body and not wishes.get("knows_stream_options", True):
            return _refusal(400, "Unrecognized request argument supplied: stream_options")
        if status != 200:
            return _refusal(status, "no such luck")
        response: Response = await handler(request, body, wishes)
        return response

    return answer


def _refusal(status: int, message: str) -> Response:
    error: _Json = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status, {"retry-after-ms": "1"})


async def _body(request: Request) -> _Json:
    raw = await request.body()
    if not raw:
        return {}
    if not request.headers["content-type"].startswith("multipart/form-data"):
        parsed: _Json = json.loads(raw)
        return parsed
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    form: _Json = {}
    for part in raw.split(b"--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        form[name] = content.removesuffix(b"\r\n") if name == "file" else content.removesuffix(b"\r\n").decode()
    return form


async def _chat(request: Request, body: _Json, wishes: _Json) -> Response:
    del request
    usage = wishes.get("usage", USAGE)
    envelope: _Json = {"id": "chatcmpl-1", "created": CREATED, "model": wishes.get("model", body["model"])}
    if "tier" in wishes:
        envelope["service_tier"] = wishes["tier"]
    if body.get("stream"):
        options: _Json = body.get("stream_options") or {}
        asked = options.get("include_usage", False)
        return _events(_chunks(envelope, usage if asked else None), wishes)
    message: _Json = {"role": "assistant", "content": "".join(WORDS), "refusal": None}
    if "tools" in body:
        call: _Json = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"usage":null}'}}
        message |= {"content": None, "tool_calls": [call]}
    if "response_format" in body:
        message["content"] = '{"name": "ledger"}'
    choice: _Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop", "text": "".join(WORDS)}
    answer: _Json = envelope | {"object": "chat.completion", "choices": [choice]}
    return _document(answer | ({"usage": usage} if usage else {}))


def _chunks(envelope: _Json, usage: object) -> Iterator[_Json]:
    """The chunks of a stream: with ``usage`` in every one where it was asked for."""
    envelope = envelope | {"object": "chat.completion.chunk"} | ({"usage": None} if usage else {})
    yield envelope | {"choices": [], "prompt_filter_results": []}
    for word in WORDS:
        delta: _Json = {"role": "assistant", "content": word}
        yield envelope | {"choices": [{"index": 0, "delta": delta, "text": word, "finish_reason": None}]}
    yield envelope | {"choices": [{"index": 0, "delta": {}, "text": "", "finish_reason": "stop"}]}
    if usage:
        yield envelope | {"choices": [], "usage": usage}


async def _responses(request: Request, body: _Json, wishes: _Json) -> Response:
    del request
    done = _response(body["model"], wishes)
    if body.get("background"):
        return _document(done | {"status": "queued", "background": True, "usage": None, "output": []})
    if not body.get("stream"):
        return _document(done)
    begun: _Json = done | {"status": "in_progress", "usage": None, "output": []}
    events: list[_Json] = [{"type": "response.created", "response": begun}]
    item: _Json = {"type": "message", "id": "m", "role": "assistant", "status": "in_progress", "content": []}
    events.append({"type": "response.output_item.added", "output_index": 0, "item": item})
    part: _Json = {"type": "output_text", "text": "", "annotations": []}
    place: _Json = {"item_id": "m", "output_index": 0, "content_index": 0}
    events.append({"type": "response.content_part.added", "part": part, **place})
    events += [{"type": "response.output_text.delta", "delta": word, "logprobs": [], **place} for word in WORDS]
    events.append({"type": "response.completed", "response": done})
    return _events(iter([event | {"sequence_number": n} for n, event in enumerate(events)]), wishes, done=False)


def _response(model: str, wishes: _Json) -> _Json:
    text: _Json = {"type": "output_text", "text": '{"name": "ledger"}', "annotations": []}
    message: _Json = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": wishes.get("id", "resp_1"),
        "object": "response",
        "created_at": CREATED,
        "model": wishes.get("model", model),
        "status": "completed",
        "output": [message, *wishes.get("output", [])],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": wishes.get("tools", []),
        "service_tier": wishes.get("tier", "default"),
        "usage": wishes.get("usage", RESPONSE_USAGE),
    }


async def _stored_response(request: Request, body: _Json, wishes: _Json) -> Response:
    del body
    stored = _response("gpt-4", wishes) | {"id": request.path_params["id"], "background": True}
    return _document(stored)


async def _embeddings(request: Request, body: _Json, wishes: _Json) -> Response:
    del request
    data: list[_Json] = [{"object": "embedding", "index": 0, "embedding": "AACAPwAAAAA="}]
    usage: _Json = wishes.get("usage", {"prompt_tokens": 1000, "total_tokens": 1000})
    return _document({"object": "list", "data": data, "model": body["model"], "usage": usage})


async def _transcription(request: Request, body: _Json, wishes: _Json) -> Response:
    del request
    by_tokens = body["model"].startswith("gpt-4o")
    kind = body.get("response_format", "json")
    usage: _Json = wishes.get("usage", TRANSCRIPTION_USAGE if by_tokens else {"type": "duration", "seconds": 90})
    stated: _Json = {"usage": usage} if usage else {}
    if kind in {"text", "srt", "vtt"}:
        return Response("1\n00:00:00,000 --> 00:01:30,000\nhello\n", media_type="text/plain")
    if body.get("stream") == "true" and by_tokens:
        events: list[_Json] = [{"type": "transcript.text.delta", "delta": word} for word in WORDS]
        return _events(iter([*events, {"type": "transcript.text.done", "text": "hello", **stated}]), wishes, done=False)
    if kind == "verbose_json":
        whole: _Json = {"task": "transcribe", "language": "english", "duration": 90.0, "segments": []}
        return _document(whole | {"text": "hello"} | stated)
    if kind == "diarized_json":
        segments: _Json = {"task": "transcribe", "duration": 90.0, "segments": []}
        return _document(segments | {"text": "hello"} | stated)
    return _document({"text": "hello"} | stated)


async def _speech(request: Request, body: _Json, wishes: _Json) -> Response:
    del request
    if body.get("stream_format") == "sse":
        event: _Json = {"type": "speech.audio.done", "usage": SPEECH_USAGE}
        return _events(iter([{"type": "speech.audio.delta", "audio": "AAAA"}, event]), wishes, done=False)
    return Response(b"ID3" + bytes(4096), media_type="audio/mpeg")


async def _image(request: Request, body: _Json, wishes: _Json) -> Response:
    del request, body, wishes
    return _document({"created": CREATED, "data": [{"b64_json": "AAAA"}], "usage": {"input_tokens": 9}})


async def _batch(request: Request, body: _Json, wishes: _Json) -> Response:
    del body, wishes
    batch = request.path_params["id"]
    stated: _Json = {
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "input_file_id": "i",
    }
    return _document({"id": batch, "status": "completed", "created_at": CREATED, "output_file_id": batch, **stated})


async def _file(request: Request, body: _Json, wishes: _Json) -> Response:
    """Results of a batch: as many chats as asked for, one response, one embedding, and two requests that failed."""
    del request, body
    chat: _Json = {"id": "c", "object": "chat.completion", "created": CREATED, "model": "gpt-4", "choices": []}
    answers: list[_Json] = [chat | {"usage": USAGE} for _ in range(wishes.get("results", 2))]
    answers.append(_response("gpt-3.5-turbo", {}))
    answers.append({"object": "list", "data": [], "model": "text-embedding-3-small", "usage": {"prompt_tokens": 1000}})
    answers.append({"error": {"message": "no such luck"}})
    lines: list[_Json] = [
        {"id": f"req_{n}", "custom_id": f"job-{n}", "response": {"status_code": 200, "body": a}, "error": None}
        for n, a in enumerate(answers)
    ]
    lines.append({"id": "req_x", "custom_id": "job-x", "response": None, "error": {"code": "batch_expired"}})
    return Response("".join(json.dumps(line) + "\n" for line in lines), media_type="application/octet-stream")


def _document(document: _Json) -> Response:
    """JSON, compressed as OpenAI's is."""
    headers = {"content-encoding": "gzip", "x-request-id": "req_1"}
    return Response(
        gzip.compress(json.dumps(document).encode(), mtime=0), headers=headers, media_type="application/json"
    )


def _events(documents: Iterator[_Json], wishes: _Json, *, done: bool = True) -> Response:
    """Server-sent events, each in two pieces that part it anywhere."""
    events: list[bytes] = []
    for document in documents:
        name = f"event: {document['type']}\n" if "type" in document else ""
        events.append(f"{name}data: {json.dumps(document, separators=(',', ':'))}\n\n".encode())
    if done:
        events.append(b"data: [DONE]\n\n")
    headers = {"x-request-id": "req_1"}
    return StreamingResponse(_in_pieces(events, wishes.get("cut")), headers=headers, media_type="text/event-stream")


async def _in_pieces(events: list[bytes], cut: int | None) -> AsyncIterator[bytes]:
    for number, event in enumerate(events):
        if number == cut:
            raise ConnectionResetError
        yield event[: len(event) // 2]
        await asyncio.sleep(0)
        yield event[len(event) // 2 :]

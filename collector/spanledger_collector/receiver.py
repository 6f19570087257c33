"""OTLP over HTTP, as an ASGI application.

Rules: OTLP specification 1.x, "OTLP/HTTP". Success is 200 with an empty response message; what is wrong with a request
is said in a ``google.rpc.Status``; 4xx means do not send this again, 503 means keep it and try again.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.rpc.code_pb2 import INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE, UNIMPLEMENTED
from google.rpc.status_pb2 import Status

from spanledger.exceptions import InvalidRequestError, OverloadedError
from spanledger_collector.requests import DEFAULT_BODY_LIMIT, BodyTooLargeError, decompress, validate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from spanledger_collector.segments import SegmentLog

    _Message = MutableMapping[str, Any]
    _Receive = Callable[[], Awaitable[_Message]]
    _Send = Callable[[_Message], Awaitable[None]]

__all__ = ["Receiver", "ReceiverCounts"]

TRACES_PATH: Final = "/v1/traces"
PROTOBUF: Final = "application/x-protobuf"
RETRY_AFTER_SECONDS: Final = 1


@dataclass(slots=True)
class ReceiverCounts:
    """What the receiver did since it was made, in requests.

    Attributes:
        acknowledged: Synced to disk and answered 200.
        invalid: Answered 4xx.
        overloaded: Answered 503.
    """

    acknowledged: int = 0
    invalid: int = 0
    overloaded: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", PROTOBUF.encode()),)


class Receiver:
    """The ASGI application of the OTLP/HTTP port.

    Args:
        log: Takes each request; the answer waits until it is synced.
        body_limit: Most bytes of one request, before and after decompression.
    """

    def __init__(self, log: SegmentLog, body_limit: int = DEFAULT_BODY_LIMIT) -> None:
        self.counts = ReceiverCounts()
        self._log = log
        self._body_limit = body_limit

    async def __call__(self, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            message = f"The receiver does not speak {scope['type']}."
            raise RuntimeError(message)
        answer = await self._answer(scope, receive)
        length = (b"content-length", str(len(answer.body)).encode())
        await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Mapping[str, Any], receive: _Receive) -> _Answer:
        path, method = str(scope["path"]).rstrip("/"), scope["method"]
        if path == "/healthz" and method in {"GET", "HEAD"}:
            return _Answer(200)
        if path != TRACES_PATH:
            return _refusal(404, UNIMPLEMENTED, f"Nothing is at {scope['path']!r}; traces go to {TRACES_PATH}.")
        if method != "POST":
            return _refusal(405, UNIMPLEMENTED, f"{TRACES_PATH} takes POST, not {method}.", (b"allow", b"POST"))
        return await self._answer_traces(scope, receive)

    async def _answer_traces(self, scope: Mapping[str, Any], receive: _Receive) -> _Answer:
        try:
            await self._accept(_headers(scope), receive)
        except BodyTooLargeError as error:
            self.counts.invalid += 1
            return _refusal(413, RESOURCE_EXHAUSTED, error.detail)
        except InvalidRequestError as error:
            self.counts.invalid += 1
            return _refusal(415 if error.parameter else 400, INVALID_ARGUMENT, error.detail)
        except OverloadedError as error:
            self.counts.overloaded += 1
            return _refusal(503, UNAVAILABLE, str(error), (b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
        self.counts.acknowledged += 1
        return _Answer(200)

    async def _accept(self, headers: Mapping[bytes, bytes], receive: _Receive) -> None:
        """Read, check and keep one request; returns once it is on disk."""
        content_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        if content_type != PROTOBUF:
            message = f"Content-Type {content_type or 'none'!r} is not supported; send {PROTOBUF}."
            raise InvalidRequestError(message, parameter="Content-Type")
        body = await self._read(headers, receive)
        body = decompress(body, headers.get(b"content-encoding", b"").decode("latin-1"), self._body_limit)
        validate(body)
        synced: Future[None] = Future()
        self._log.append(body, synced)
        await asyncio.wrap_future(synced)

    async def _read(self, headers: Mapping[bytes, bytes], receive: _Receive) -> bytes:
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._body_limit:
            self._refuse_length()
        chunks: list[bytes] = []
        length = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                text = "The sender went away before the body ended."
                raise InvalidRequestError(text)
            chunk: bytes = message.get("body", b"")
            length += len(chunk)
            if length > self._body_limit:
                self._refuse_length()
            chunks.append(chunk)
            more = bool(message.get("more_body"))
        return b"".join(chunks)

    def _refuse_length(self) -> None:
        message = f"The body is longer than {self._body_limit} bytes; send smaller batches."
        raise BodyTooLargeError(message)


def _headers(scope: Mapping[str, Any]) -> dict[bytes, bytes]:
    return dict(scope["headers"])


def _refusal(status: int, code: int, detail: str, *headers: tuple[bytes, bytes]) -> _Answer:
    body = Status(code=code, message=detail).SerializeToString()
    return _Answer(status, body, ((b"content-type", PROTOBUF.encode()), *headers))

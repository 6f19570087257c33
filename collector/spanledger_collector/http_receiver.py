"""OTLP over HTTP, as an ASGI application.

Rules: OTLP specification 1.x, "OTLP/HTTP". Success is 200 with the response message; what is wrong with a request is
said in a ``google.rpc.Status``, both in the encoding of the request. 4xx means do not send this again, 503 means keep
it and try again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format
from google.rpc.code_pb2 import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNIMPLEMENTED,
)
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger.exceptions import (
    AuthenticationError,
    InvalidRequestError,
    PermissionDeniedError,
    RateLimitedError,
    RetryableError,
    SpanledgerError,
)
from spanledger_collector.admission import Sender
from spanledger_collector.compression import DEFAULT_BODY_LIMIT, decompress
from spanledger_collector.other_signals import LOGS, METRICS
from spanledger_collector.refusals import BodyTooLargeError, UnsupportedEncodingError
from spanledger_collector.requests import from_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from google.protobuf.message import Message

    from spanledger_collector.admission import Admission
    from spanledger_collector.intake import Intake

    _Event = MutableMapping[str, Any]
    _Receive = Callable[[], Awaitable[_Event]]
    _Send = Callable[[_Event], Awaitable[None]]

__all__ = ["HttpReceiver"]

TRACES_PATH: Final = "/v1/traces"
HEALTH_PATH: Final = "/healthz"
METRICS_PATH: Final = "/metrics"
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
RETRY_AFTER_SECONDS: Final = 1
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"

_OTHER_SIGNALS: Final = {signal.path: signal for signal in (METRICS, LOGS)}


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes = b""
    content_type: str = PROTOBUF
    headers: tuple[tuple[bytes, bytes], ...] = ()


class HttpReceiver:
    """The ASGI application of the OTLP/HTTP port.

    Args:
        intake: Takes each request; the answer waits until it is synced.
        exposition: Gives the collector's own metrics in Prometheus' text format.
        body_limit: Most bytes of one request, before and after decompression.
        admission: Decides who may send; None lets everybody.
    """

    def __init__(
        self,
        intake: Intake,
        exposition: Callable[[], bytes],
        body_limit: int = DEFAULT_BODY_LIMIT,
        admission: Admission | None = None,
    ) -> None:
        self._intake = intake
        self._admission = admission
        self._exposition = exposition
        self._body_limit = body_limit

    async def __call__(self, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            message = f"The receiver does not speak {scope['type']}."
            raise RuntimeError(message)
        answer = await self._answer(scope, receive)
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Mapping[str, Any], receive: _Receive) -> _Answer:
        # A redirect would be taken for success, so a slash at the end is as good as none.
        path, method = str(scope["path"]).rstrip("/"), scope["method"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        content_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        client = scope.get("client")
        sender = Sender.of_http(headers, str(client[0]) if client else "")
        if path in {HEALTH_PATH, METRICS_PATH} and method in {"GET", "HEAD"}:
            return self._answer_reading(path, sender)
        if path != TRACES_PATH and path not in _OTHER_SIGNALS:
            return _refusal(
                404, NOT_FOUND, f"Nothing is at {scope['path']!r}; traces go to {TRACES_PATH}.", content_type
            )
        if method != "POST":
            refusal = f"{path} takes POST, not {method}."
            return _refusal(405, UNIMPLEMENTED, refusal, content_type, (b"allow", b"POST"))
        try:
            with self._intake.counting():
                if self._admission is not None:
                    self._admission.require_sender(sender)
                response = await self._export(path, headers, content_type, receive)
        except (InvalidRequestError, AuthenticationError, PermissionDeniedError, RetryableError) as error:
            return _refused(error, content_type)
        return _Answer(200, _encoded(response, content_type), content_type)

    def _answer_reading(self, path: str, sender: Sender) -> _Answer:
        if path == HEALTH_PATH:
            return _Answer(200, b"ok\n", _TEXT)
        try:
            if self._admission is not None:
                self._admission.require_reader(sender)
        except (AuthenticationError, PermissionDeniedError, RetryableError) as error:
            return _refused(error, JSON)
        return _Answer(200, self._exposition(), _TEXT)

    async def _export(self, path: str, headers: Mapping[bytes, bytes], content_type: str, receive: _Receive) -> Message:
        """Read, check and keep one request; returns once it is on disk."""
        if content_type not in {PROTOBUF, JSON}:
            message = f"Content-Type {content_type or 'none'!r} is not supported; send {PROTOBUF} or {JSON}."
            raise UnsupportedEncodingError(message)
        body = await self._read(headers, receive)
        body = decompress(body, headers.get(b"content-encoding", b"").decode("latin-1"), self._body_limit)
        if signal := _OTHER_SIGNALS.get(path):
            return signal.answer(body) if content_type == PROTOBUF else signal.answer_json()
        if content_type == JSON:
            body = await asyncio.to_thread(from_json, body)
        await asyncio.wrap_future(self._intake.submit(body))
        return ExportTraceServiceResponse()

    async def _read(self, headers: Mapping[bytes, bytes], receive: _Receive) -> bytes:
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._body_limit:
            self._refuse_length()
        chunks: list[bytes] = []
        length = 0
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                message = "The sender went away before the body ended."
                raise InvalidRequestError(message)
            chunk: bytes = event.get("body", b"")
            length += len(chunk)
            if length > self._body_limit:
                self._refuse_length()
            chunks.append(chunk)
            more = bool(event.get("more_body"))
        return b"".join(chunks)

    def _refuse_length(self) -> None:
        message = f"The body is longer than {self._body_limit} bytes; send smaller batches."
        raise BodyTooLargeError(message)


def _encoded(message: Message, content_type: str) -> bytes:
    if content_type == JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    return message.SerializeToString()


# The first class that an error is of counts. 4xx says never to send it again; 429 and 503 say to keep it.
_STATUSES: Final[tuple[tuple[type[SpanledgerError], int, int], ...]] = (
    (BodyTooLargeError, 413, RESOURCE_EXHAUSTED),
    (UnsupportedEncodingError, 415, INVALID_ARGUMENT),
    (InvalidRequestError, 400, INVALID_ARGUMENT),
    (AuthenticationError, 401, UNAUTHENTICATED),
    (PermissionDeniedError, 403, PERMISSION_DENIED),
    (RateLimitedError, 429, RESOURCE_EXHAUSTED),
    (RetryableError, 503, UNAVAILABLE),
)


def _refused(error: SpanledgerError, content_type: str) -> _Answer:
    """The answer that OTLP has for an error."""
    status, code = next((status, code) for kind, status, code in _STATUSES if isinstance(error, kind))
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(error, AuthenticationError):
        headers.append((b"www-authenticate", b'Bearer realm="spanledger"'))
    if isinstance(error, RetryableError):
        seconds = error.retry_after if isinstance(error, RateLimitedError) else RETRY_AFTER_SECONDS
        headers.append((b"retry-after", str(seconds).encode()))
    return _refusal(status, code, str(error), content_type, *headers)


def _refusal(status: int, code: int, detail: str, content_type: str, *headers: tuple[bytes, bytes]) -> _Answer:
    content_type = JSON if content_type == JSON else PROTOBUF
    return _Answer(status, _encoded(Status(code=code, message=detail), content_type), content_type, headers)

"""A loopback server that answers as OpenAI and collects what is sent to it over OTLP."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

__all__ = ["Loopback"]

SERVED_MODELS = {"gpt-4-pinned": "gpt-4-0613"}


class Loopback:
    """One server in a thread.

    Chat calls state 1,000 prompt and 500 completion tokens. The model ``refused`` is answered with 400; the model
    ``usage-free`` without usage, and so is every stream.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        """Headers of every request."""
        self.bodies: list[bytes] = []
        """Bodies of every OTLP request."""
        self.ports: list[int] = []
        """The port at the client's end of each OTLP request: one for each connection."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self._answer, lifespan="off", log_config=None, ws="none", interface="asgi3")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server."""
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def span_names(self) -> list[str]:
        """Names of all spans received over OTLP."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span.name
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def _answer(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        body = b""
        while True:
            message = await receive()
            assert message["type"] == "http.request"
            body += message["body"]
            if not message["more_body"]:
                break
        self.requests.append({name.decode(): value.decode() for name, value in scope["headers"]})
        if scope["path"] == "/v1/traces":
            assert scope["client"] is not None
            self.bodies.append(body)
            self.ports.append(scope["client"][1])
            await _send(send, 200, b"", "application/x-protobuf")
        else:
            await _chat(json.loads(body), send)


async def _chat(request: dict[str, Any], send: ASGISendCallable) -> None:
    model = request["model"]
    if model == "refused":
        await _send(send, 400, json.dumps({"error": {"message": "no such luck", "type": "invalid"}}).encode())
        return
    answer: dict[str, Any] = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": SERVED_MODELS.get(model, model)}
    if request.get("stream"):
        delta = {"index": 0, "delta": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
        chunk = json.dumps(answer | {"object": "chat.completion.chunk", "choices": [delta]}).encode()
        await _send(send, 200, b"data: " + chunk + b"\n\ndata: [DONE]\n\n", "text/event-stream")
        return
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    answer |= {"object": "chat.completion", "choices": [choice]}
    if model != "usage-free":
        answer["usage"] = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    await _send(send, 200, json.dumps(answer).encode())


async def _send(send: ASGISendCallable, status: int, body: bytes, kind: str = "application/json") -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})

"""A receiver that keeps what it is sent."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Self

from spanledger_api.http_server import HttpServer

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.types import Receive, Scope, Send

__all__ = ["Recorder"]


class Recorder:
    """An OTLP/HTTP receiver, as an ASGI application on a port of its own, that keeps all bodies.

    Attributes:
        bodies: Each request's body, decompressed, in the order of arrival.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._server = HttpServer(self, "127.0.0.1", 0)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep one request and answer 200."""
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = bool(event.get("more_body"))
        if (b"content-encoding", b"gzip") in scope["headers"]:
            body = gzip.decompress(body)
        if scope["path"] == "/v1/traces":
            self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    @property
    def url(self) -> str:
        """Base address for clients."""
        return self._server.url

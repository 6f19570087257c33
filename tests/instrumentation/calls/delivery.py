"""A loopback server that delivers as CloudFront does and answers as Cloudflare Stream's API does."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPResponseStartEvent, Scope

__all__ = ["CREATED", "Delivery"]

CREATED = "2026-05-28T20:26:40.5Z"
"""When every video was created, as the API says."""

PIECE = 64 * 1024
"""Bytes that are sent at a time."""

API = "/client/v4/accounts/a/stream"


class Delivery:
    """One server in a thread.

    ``/bytes/N`` brings N bytes, ``/chunked/N`` too but without saying how many; ``/gzip/N`` brings them compressed,
    ``/redirect`` leads to ``/bytes/1000`` with 10 bytes of its own, ``/away/PORT`` to ``/bytes/10`` of ``localhost`` at
    that port, ``/broken`` promises 1,000 bytes and brings 400, ``/empty`` none; anything else is 404 with 9 bytes.
    Videos of Stream have 90.5 seconds, known from the second time on that one asks for them, or at once where they are
    uploaded to ``/stream``.
    """

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        """Headers of every request."""
        self._videos: dict[str, int] = {}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        """Host and port."""
        self.url = f"http://{self.host}"
        self.api = self.url + API
        """Address of the API's videos."""
        config = uvicorn.Config(self._answer, lifespan="off", log_config=None, ws="none", interface="asgi3", http="h11")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the server."""
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    async def _answer(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        path = scope["path"]
        if path.startswith(API):
            await self._stream(scope["method"], path.removeprefix(API).strip("/"), send)
        else:
            await _deliver(path, send)

    async def _stream(self, method: str, rest: str, send: ASGISendCallable) -> None:
        result: Any
        if method == "POST" and rest == "tus":
            await _send(send, b"", {"stream-media-id": self._new_video()}, status=201)
            return
        if method == "POST":
            uid = self._new_video()
            result = {"uid": uid, "uploadURL": "https://upload.example"}
            if rest != "direct_upload":
                result = _video(uid, is_known=not rest)
        elif not rest:
            result = [_video(uid, is_known=True) for uid in self._videos]
        elif rest in self._videos:
            self._videos[rest] += 1
            result = _video(rest, is_known=self._videos[rest] > 1)
        else:
            await _send(send, b'{"success": false, "result": null}', {}, status=404)
            return
        body = gzip.compress(json.dumps({"success": True, "result": result}).encode())
        await _send(send, body, {"content-encoding": "gzip", "content-type": "application/json"})

    def _new_video(self) -> str:
        uid = f"{id(self)}-{len(self._videos)}"
        self._videos[uid] = 0
        return uid


def _video(uid: str, *, is_known: bool) -> dict[str, object]:
    known: dict[str, object] = {"duration": -1}
    if is_known:
        known = {"duration": 90.5, "readyToStreamAt": "2026-05-28T20:27:00Z"}
    return {"uid": uid, "created": CREATED, "meta": {"name": "é"}, **known}


async def _deliver(path: str, send: ASGISendCallable) -> None:
    kind, _, size = path.strip("/").partition("/")
    answers: dict[str, Callable[[], Any]] = {
        "bytes": lambda: _send(send, b"x" * int(size), {}),
        "chunked": lambda: _send(send, b"x" * int(size), {"transfer-encoding": "chunked"}),
        "gzip": lambda: _send(send, gzip.compress(b"x" * int(size), mtime=0), {"content-encoding": "gzip"}),
        "redirect": lambda: _send(send, b"elsewhere.", {"location": "/bytes/1000"}, status=302),
        "away": lambda: _send(send, b"", {"location": f"http://localhost:{size}/bytes/10"}, status=307),
        "broken": lambda: _send(send, b"x" * 400, {"content-length": "1000"}),
        "empty": lambda: _send(send, b"", {}, status=204),
    }
    await answers.get(kind, lambda: _send(send, b"not here.", {}, status=404))()


async def _send(send: ASGISendCallable, body: bytes, headers: dict[str, str], status: int = 200) -> None:
    if status != 204 and not {"content-length", "transfer-encoding"} & set(headers):
        headers |= {"content-length": str(len(body))}
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "trailers": False,
    }
    await send(start)
    for first in range(0, len(body), PIECE):
        await send({"type": "http.response.body", "body": body[first : first + PIECE], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})

"""A receiver of notices on loopback that answers as it is told to and remembers what came."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Answer", "Received", "Receiver", "always", "once"]


@dataclass(frozen=True)
class Answer:
    """How a request is answered; a status of 0 never is."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b"ok"


def always(answer: Answer) -> Callable[[int], Answer]:
    """Answer every request alike."""

    def choose(number: int) -> Answer:
        del number
        return answer

    return choose


def once(answer: Answer) -> Callable[[int], Answer]:
    """Answer the first request so, and take every other."""

    def choose(number: int) -> Answer:
        return answer if number == 0 else Answer()

    return choose


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def document(self) -> dict[str, object]:
        """The body as JSON."""
        return cast("dict[str, object]", json.loads(self.body))

    @property
    def key(self) -> str:
        """What repeats of it are known by."""
        return self.headers["Idempotency-Key"]


class Receiver:
    """Serves until the block is left.

    Args:
        answer: Chooses the answer to a request from its number, counted from 0; None takes everything.
    """

    def __init__(self, answer: Callable[[int], Answer] | None = None) -> None:
        self.received: list[Received] = []
        self.answer = answer or always(Answer())
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def keys(self, status: int = 200) -> list[str]:
        """Keys of the requests that got this answer, in order."""
        return [each.key for each in self.received if each.status == status]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answer(len(receiver.received))
                receiver.received.append(Received(self.path, dict(self.headers), body, answer.status))
                if not answer.status:
                    receiver._released.wait(30)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        return Handler

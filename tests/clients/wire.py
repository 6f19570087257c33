"""A tap between a client and the collector: passes every byte on and remembers how the client spoke."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Tap"]

_PIECE: Final = 65_536
_HTTP2: Final = b"PRI * HTTP/2.0"
_LONGEST_HEAD: Final = 16_384


class Tap:
    """One listening port in front of another one.

    Args:
        target: Host and port to pass everything on to.

    Attributes:
        port: The port that clients connect to.
        received: Bytes that clients have sent.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.received = 0
        self._heads: list[bytes] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="tap", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def url(self) -> str:
        """Base address for clients."""
        return f"http://127.0.0.1:{self.port}"

    def spoken(self) -> str:
        """How the clients spoke: HTTP version, path and the headers that matter; one line if all did so alike."""
        return " / ".join(sorted({_described(head) for head in self._heads if head}))

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed: the test is over
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                number = len(self._heads)
                self._heads.append(b"")
                threading.Thread(target=self._pass_on, args=(client, server, number), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, None), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, number: int | None) -> None:
        with suppress(OSError), source:  # either end may go first
            while piece := source.recv(_PIECE):
                if number is not None:
                    self._remember(piece, number)
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def _remember(self, piece: bytes, number: int) -> None:
        with self._lock:
            self.received += len(piece)
            if len(self._heads[number]) < _LONGEST_HEAD:
                self._heads[number] += piece


def _described(head: bytes) -> str:
    if head.startswith(_HTTP2):
        return "HTTP/2"
    request, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    _, path, version = request.split(" ")
    said = [version, path, headers.get("content-type", "no type"), headers.get("content-encoding", "plain")]
    said.append("chunked" if headers.get("transfer-encoding") == "chunked" else "with length")
    return ", ".join(said)

"""One HTTP server in a thread of its own, on a port that is known before it answers."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from spanledger.exceptions import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType

    from spanledger_api.tls import Certificate

__all__ = ["HttpServer"]

_START_SECONDS = 30.0
_DRAIN_SECONDS = 5


class HttpServer:
    """Serves an ASGI application until it is stopped; as a context manager, for as long as the block runs.

    Args:
        app: The ASGI application.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        certificate: What to speak TLS with; None speaks without.

    Attributes:
        port: The port that is listened on.

    Raises:
        ConfigurationError: The address is taken or not one of this machine's.
    """

    def __init__(
        self,
        app: Any,  # noqa: ANN401 - ASGI has no type of its own
        host: str,
        port: int,
        certificate: Certificate | None = None,
    ) -> None:
        self._host = host
        self._scheme = "http" if certificate is None else "https"
        self._socket = _bound_socket(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
                ssl_context_factory=None if certificate is None else lambda _config, _default: certificate.context(),
            )
        )
        self._thread = threading.Thread(target=self._serve, name=f"http-{self.port}", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Base address, without a slash at the end."""
        return f"{self._scheme}://{f'[{self._host}]' if ':' in self._host else self._host}:{self.port}"

    def start(self) -> None:
        """Begin to answer. Connections wait in the socket until the thread takes them."""
        self._socket.listen(2048)
        self._thread.start()

    def stop(self) -> None:
        """Answer what has begun, for some seconds at most, and close the port."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_START_SECONDS)
        self._socket.close()

    def _serve(self) -> None:
        # Outside the main thread uvicorn leaves the signals alone.
        self._server.run(sockets=[self._socket])


def _bound_socket(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        message = f"{host}:{port} cannot be listened on: {error.strerror}. Choose another port, or 0 for a free one."
        raise ConfigurationError(message) from error
    return bound

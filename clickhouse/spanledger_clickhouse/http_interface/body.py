"""The body of a request, decoded as it arrives and never held whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from spanledger_clickhouse.http_interface.block_frames import FrameReader
from spanledger_clickhouse.http_interface.content_coding import decoder
from spanledger_clickhouse.http_interface.failures import Code, StatementError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping

    from spanledger_clickhouse.http_interface.request import Request

__all__ = ["LARGEST_BODY", "Body"]

LARGEST_BODY: Final = 1024**3
"""Bytes of one body once decoded; a larger insert is to come in several."""

_PATIENCE_SECONDS: Final = 60


class Body:
    """Reads one body, once.

    Args:
        request: Tells how it is encoded.
        receive: ASGI's source of its parts.

    Attributes:
        length: Bytes that were decoded so far.

    Raises:
        StatementError: Its encoding is not known.
    """

    def __init__(self, request: Request, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
        self._receive = receive
        self._decoder = decoder(request.headers.get("content-encoding", ""))
        self._frames = FrameReader() if request.framed_body else None
        self.length = 0
        self._pieces = self._decoded()

    async def pieces(self) -> AsyncIterator[bytes]:
        """What is left of it, decoded, in pieces of bounded size.

        Raises:
            StatementError: It is damaged, too large, or stops coming.
        """
        async for piece in self._pieces:
            yield piece

    async def read(self, limit: int) -> bytes:
        """At least ``limit`` bytes of what is left, or all of it if there are fewer; raises as :meth:`pieces` does."""
        begun = bytearray()
        while len(begun) < limit:
            piece = await anext(self._pieces, None)
            if piece is None:
                break
            begun += piece
        return bytes(begun)

    async def _decoded(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._next()
            for piece in self._decode(message.get("body", b"")):
                self.length += len(piece)
                if self.length > LARGEST_BODY:
                    text = f"A body may have at most {LARGEST_BODY} bytes; send the rows in several inserts."
                    raise StatementError(Code.TOO_LARGE_STRING_SIZE, text)
                yield piece
            more = bool(message.get("more_body", False))
        self._decoder.finish()
        if self._frames is not None:
            self._frames.finish()

    async def _next(self) -> MutableMapping[str, Any]:
        try:
            message = await asyncio.wait_for(self._receive(), _PATIENCE_SECONDS)
        except TimeoutError as error:
            text = f"Nothing of the body came for {_PATIENCE_SECONDS} seconds."
            raise StatementError(Code.SOCKET_TIMEOUT, text) from error
        if message["type"] == "http.disconnect":
            text = "The client went away before the body was complete."
            raise StatementError(Code.SOCKET_TIMEOUT, text)
        return message

    def _decode(self, data: bytes) -> Iterator[bytes]:
        for piece in self._decoder.feed(data) if data else ():
            if self._frames is None:
                yield piece
            else:
                yield from self._frames.feed(piece)

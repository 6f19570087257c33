"""A response that the engine has yet to read, watched while it does, and noticed when it stops halfway.

Only this one response object gets methods of ours, and loses them when it is at its end.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final, Protocol

from spanledger.endings import telling
from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

__all__ = ["Reader", "watch"]

_METHODS: Final = ("iter_bytes", "aiter_bytes", "close", "aclose")


class Reader(Protocol):
    """Takes in what arrives, and says what the engine is to see of it."""

    def feed(self, data: bytes) -> bytes:
        """Take in what has arrived."""
        ...

    def end(self) -> bytes:
        """Take note that all has arrived; the rest that the engine is to see."""
        ...


def watch(
    response: Any,  # noqa: ANN401 - of httpx2 or httpx, which share no base
    reader: Reader,
    finish: Callable[[BaseException | None], None],
    spare: Callable[[], Reader] | None = None,
) -> None:
    """Show a reader the decoded bytes of a response.

    Args:
        response: The response, unread.
        reader: Takes in what arrives.
        finish: Called with None when the response is read, closed or gone, with the error that broke it off otherwise.
            What comes after its first call is to be ignored.
        spare: Makes what stands in for the reader where it fails; None where the engine is to see all that arrives.
    """
    watched = _Watch(response, reader, finish, spare)
    response.__dict__.update({name: getattr(watched, name) for name in _METHODS})


class _Watch:
    """The methods that stand in for those of one response."""

    def __init__(
        self,
        response: Any,  # noqa: ANN401 - of httpx2 or httpx
        reader: Reader,
        finish: Callable[[BaseException | None], None],
        spare: Callable[[], Reader] | None,
    ) -> None:
        self._methods: dict[str, Any] = {name: getattr(response, name) for name in _METHODS}
        self._attributes = response.__dict__
        self._reader = reader
        self._spare = spare
        self._failed = False  # whether the reader has
        self._stand_in: Reader | None = None
        self._finish = finish
        self._gone: weakref.finalize[..., Any] | None = None
        with guarded("openai.response_gone"):
            self._gone = weakref.finalize(response, finish, None)
        self._arriving = False  # whether the response is at work itself: it closes itself when all has arrived

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """As the response's own, without what the reader takes out."""
        chunks = _Chunks(chunk_size)
        arrived: Iterator[bytes] = self._methods["iter_bytes"]()
        with telling(self._over):
            while (data := self._next(arrived)) is not None:
                yield from chunks.cut(self._fed(data))
            yield from chunks.cut(self._ended())
            yield from chunks.rest()

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """As the response's own, without what the reader takes out."""
        chunks = _Chunks(chunk_size)
        arrived: AsyncIterator[bytes] = self._methods["aiter_bytes"]()
        with telling(self._over):
            while (data := await self._anext(arrived)) is not None:
                for chunk in chunks.cut(self._fed(data)):
                    yield chunk
            for chunk in (*chunks.cut(self._ended()), *chunks.rest()):
                yield chunk

    def close(self) -> None:
        """As the response's own; the engine has seen enough."""
        if not self._arriving:
            self._over(None)
        self._methods["close"]()

    async def aclose(self) -> None:
        """As the response's own; the engine has seen enough."""
        if not self._arriving:
            self._over(None)
        await self._methods["aclose"]()

    def _fed(self, data: bytes) -> bytes:
        """What the engine is to see of what has arrived, whether or not the reader can take it in."""
        if not self._failed:
            with guarded("openai.reader"):
                return self._reader.feed(data)
            self._fail()
        return data if self._stand_in is None else self._stand_in.feed(data)

    def _ended(self) -> bytes:
        """What the engine has yet to see."""
        if not self._failed:
            with guarded("openai.reader_end"):
                return self._reader.end()
            self._fail()
        return b"" if self._stand_in is None else self._stand_in.end()

    def _fail(self) -> None:
        self._failed = True
        self._stand_in = None if self._spare is None else self._spare()

    def _next(self, arrived: Iterator[bytes]) -> bytes | None:
        self._arriving = True
        try:
            return next(arrived, None)
        finally:
            self._arriving = False

    async def _anext(self, arrived: AsyncIterator[bytes]) -> bytes | None:
        self._arriving = True
        try:
            return await anext(arrived, None)
        finally:
            self._arriving = False

    def _over(self, error: BaseException | None) -> None:
        """Leave the response as it was, and say how it ended; a reader that stops early is no error."""
        with guarded("openai.response_over"):
            if self._gone is not None:
                self._gone.detach()
            for name in _METHODS:
                self._attributes.pop(name, None)
            self._finish(None if isinstance(error, GeneratorExit) else error)


class _Chunks:
    """Cuts bytes into pieces of a size; None passes them as they come."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._held = b""

    def cut(self, data: bytes) -> Iterator[bytes]:
        """The pieces that are complete."""
        if self._size is None:
            if data:
                yield data
            return
        self._held += data
        while len(self._held) >= self._size:
            piece, self._held = self._held[: self._size], self._held[self._size :]
            yield piece

    def rest(self) -> Iterator[bytes]:
        """The last piece, if there is one."""
        if self._held:
            yield self._held

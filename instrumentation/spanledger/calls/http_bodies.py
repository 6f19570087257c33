"""The body of a response, metered while the caller reads it: nothing is read before the caller, or beyond him."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from spanledger.endings import telling
from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["BodyMeter", "meter_body"]


class BodyMeter(Protocol):
    """What watches one body."""

    def received(self, chunk: bytes) -> None:
        """Bytes have come over the wire; still compressed, if they were sent so."""

    def ended(self, error: BaseException | None, *, complete: bool) -> None:
        """The caller has all, or wants no more, or reading failed with an error; only the first call counts.

        Args:
            error: What reading failed with; None if it did not.
            complete: Whether all has come.
        """


_GUARD: Final = guarded("http.body")


@guarded("http.body_end")
def _ended(meter: BodyMeter, error: BaseException | None, *, complete: bool) -> None:
    meter.ended(error, complete=complete)


class _Watched:
    """What both kinds of streams share: the stream behind, and the meter.

    Args:
        stream: The stream of the transport.
        meter: Watches what comes out of it.
    """

    def __init__(self, stream: Any, meter: BodyMeter) -> None:  # noqa: ANN401 - of whichever client library
        self._inner = stream
        self._received = meter.received
        self._meter = meter
        self._finalizer = weakref.finalize(self, _ended, meter, None, complete=False)

    def __getattr__(self, name: str) -> object:
        """Whatever else the stream behind has."""
        return getattr(self._inner, name)

    def _read(self, error: BaseException | None) -> None:
        """Reading is over; a caller that stops early is no error."""
        self._end(None if isinstance(error, GeneratorExit) else error, complete=error is None)

    def _end(self, error: BaseException | None = None, *, complete: bool = False) -> None:
        if self._finalizer.detach() is not None:
            _ended(self._meter, error, complete=complete)


class _SyncBody(_Watched):
    """A synchronous body."""

    def __iter__(self) -> Iterator[bytes]:
        chunks: Iterable[bytes] = self._inner
        with telling(self._read):
            for chunk in chunks:
                with _GUARD:
                    self._received(chunk)
                yield chunk

    def close(self) -> None:
        """Close the stream behind."""
        try:
            self._inner.close()
        finally:
            self._end()


class _AsyncBody(_Watched):
    """An asynchronous body."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        inner: AsyncIterable[bytes] = self._inner
        chunks = inner.__aiter__()
        try:
            with telling(self._read):
                async for chunk in chunks:
                    with _GUARD:
                        self._received(chunk)
                    yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def aclose(self) -> None:
        """Close the stream behind."""
        try:
            await self._inner.aclose()
        finally:
            self._end()


_KINDS: dict[tuple[type, type], type] = {}


def meter_body(response: Any, meter: BodyMeter, bases: tuple[type, type]) -> None:  # noqa: ANN401 - of either library
    """Let a meter watch the body of a response that has just come.

    The stream is replaced behind the one that the client has bound to the response, so that the response itself, its
    type of stream and its ``elapsed`` stay as they are.

    Args:
        response: A response of httpx or httpx2.
        meter: Watches its body. A body that is there already has its meter called at once.
        bases: The synchronous and the asynchronous stream class of the library.
    """
    if response.is_closed:
        meter.received(response.content)
        meter.ended(None, complete=True)
        return
    bound = response.stream
    stream = bound._stream  # noqa: SLF001 - the seam of both libraries
    sync_base, async_base = bases
    own, base = (_SyncBody, sync_base) if isinstance(stream, sync_base) else (_AsyncBody, async_base)
    kind = _KINDS.get((own, base))
    if kind is None:
        kind = _KINDS[own, base] = type(f"Metered{own.__name__}", (own, base), {})
    bound._stream = kind(stream, meter)  # noqa: SLF001 - the seam of both libraries

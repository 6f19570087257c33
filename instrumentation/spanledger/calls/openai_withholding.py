"""The second way to take out of a stream what only our wish for usage brought: plain, and apart from the first.

It stands in where reading a stream fails, or where the response cannot be watched. Nothing is metered by it; the engine
sees exactly the events that it would have seen without us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["Withholding", "withhold"]

_NULLS = (b',"usage":null', b', "usage": null', b'"usage":null,', b'"usage": null, ')


class Withholding:
    """Passes server-sent events without their usage.

    Args:
        held: What came before and has not been passed on.
    """

    def __init__(self, held: bytes = b"") -> None:
        self.pending = held
        """What has come of an event that is not complete."""

    def feed(self, data: bytes) -> bytes:
        """Take in what has arrived and return what the engine is to see of it, perhaps nothing yet."""
        data = self.pending + data
        end = b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n"
        *events, self.pending = data.split(end)
        return b"".join(_plain(event + end) for event in events)

    def end(self) -> bytes:
        """What is left."""
        rest, self.pending = self.pending, b""
        return rest


def withhold(result: object) -> None:
    """Have a stream, or a raw response of one, give no usage.

    Args:
        result: What the client returned.
    """
    response: Any = getattr(result, "response", None) or getattr(result, "http_response", result)
    iter_bytes, aiter_bytes = response.iter_bytes, response.aiter_bytes

    def iterate(chunk_size: int | None = None) -> Iterator[bytes]:
        """As the response's own, without what was withheld."""
        stream = Withholding()
        for data in iter_bytes(chunk_size):
            yield stream.feed(data)
        yield stream.end()

    async def iterate_async(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """As the response's own, without what was withheld."""
        stream = Withholding()
        async for data in aiter_bytes(chunk_size):
            yield stream.feed(data)
        yield stream.end()

    response.iter_bytes, response.aiter_bytes = iterate, iterate_async


def _plain(event: bytes) -> bytes:
    if b'"usage"' not in event:
        return event
    bare = event.replace(b" ", b"")
    if b'"usage":{' in bare:
        return b"" if b'"choices":[]' in bare else event
    return next((event.replace(null, b"", 1) for null in _NULLS if null in event), event)

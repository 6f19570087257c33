"""Undoing a request's compression, never further than a limit."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Final, Protocol

from spanledger.exceptions import InvalidRequestError
from spanledger_collector.refusals import BodyTooLargeError, UnsupportedEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["DEFAULT_BODY_LIMIT", "decompress"]

DEFAULT_BODY_LIMIT: Final = 64 * 1024**2
"""Bytes of one request, before and after decompression: the default that the OTLP specification recommends."""

_CHUNK: Final = 1024**2


class _Decompressor(Protocol):
    """What zlib's and zstd's decompressors have in common, once their leftovers are looked up by name."""

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came after the end."""
        ...


def decompress(body: bytes, encoding: str, limit: int = DEFAULT_BODY_LIMIT) -> bytes:
    """Undo a request's ``Content-Encoding``.

    Args:
        body: What came over the wire.
        encoding: The header's value; empty and ``identity`` mean none.
        limit: Most bytes to produce; a small body that would become a huge one is refused before it does.

    Raises:
        UnsupportedEncodingError: The encoding is not one of gzip, deflate, zstd and identity.
        InvalidRequestError: The body is not of that encoding.
        BodyTooLargeError: The result would be longer than the limit.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in _MEMBERS:
        message = f"Content-Encoding {name!r} is not supported; use gzip, deflate, zstd or none."
        raise UnsupportedEncodingError(message)
    output = bytearray()
    try:
        while body:
            body = _MEMBERS[name](body, output, limit)
    except (zlib.error, zstd.ZstdError) as error:
        message = f"The body is not {name}: {error}."
        raise InvalidRequestError(message) from error
    return bytes(output)


def _zlib_member(window: int) -> Callable[[bytes, bytearray, int], bytes]:
    """A function that appends one zlib stream's content to the output and returns what follows it."""

    def member(body: bytes, output: bytearray, limit: int) -> bytes:
        """Append one stream's content to the output; what follows it."""
        stream = zlib.decompressobj(window)
        while body and not stream.eof:
            _append(output, stream.decompress(body, _CHUNK), limit)
            body = stream.unconsumed_tail
        return _rest(stream)

    return member


def _zstd_frame(body: bytes, output: bytearray, limit: int) -> bytes:
    """Append one zstd frame's content to the output and return what follows it."""
    stream = zstd.ZstdDecompressor()
    _append(output, stream.decompress(body, _CHUNK), limit)
    while not stream.eof and not stream.needs_input:
        _append(output, stream.decompress(b"", _CHUNK), limit)
    return _rest(stream)


_MEMBERS: Final = {
    "gzip": _zlib_member(zlib.MAX_WBITS | 16),
    "deflate": _zlib_member(zlib.MAX_WBITS),
    "zstd": _zstd_frame,
}


def _append(output: bytearray, piece: bytes, limit: int) -> None:
    output += piece
    if len(output) > limit:
        message = f"The body is longer than {limit} bytes once decompressed; send smaller batches."
        raise BodyTooLargeError(message)


def _rest(stream: _Decompressor) -> bytes:
    if not stream.eof:
        message = "The body ends in the middle of its compressed stream."
        raise InvalidRequestError(message)
    return stream.unused_data

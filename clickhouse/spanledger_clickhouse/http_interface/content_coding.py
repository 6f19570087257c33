"""Compression of whole bodies, as HTTP names it: undone piece by piece on the way in, applied on the way out."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Protocol

from spanledger_clickhouse.http_interface.extensions import (
    DECOMPRESSION_ERRORS,
    ZstdCompressor,
    ZstdDecompressor,
    lz4_frame,
)
from spanledger_clickhouse.http_interface.failures import Code, StatementError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spanledger_clickhouse.http_interface.extensions import Compressor, Decompressor

__all__ = ["Decoder", "compressor", "decoder"]

_PIECE: Final = 1024**2
_FAST: Final = 1


class Decoder(Protocol):
    """Undoes a body's encoding as it arrives."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be decoded so far, in pieces of bounded size."""
        ...

    def finish(self) -> None:
        """Nothing more comes; raises StatementError if the body ends too early."""
        ...


class _ZlibStream:
    """zlib's decompressor in the shape of the others."""

    def __init__(self, window: int) -> None:
        self._stream = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        """Whether the stream is complete."""
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more data; False while zlib holds back what a limit cut off."""
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What was given beyond the end of the stream; empty until the end."""
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """The next piece, of ``max_length`` bytes at most.

        Raises:
            zlib.error: The data is not of this encoding.
        """
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


_STREAMS: Final[dict[str, Callable[[], Decompressor]]] = {
    "gzip": lambda: _ZlibStream(zlib.MAX_WBITS | 16),
    "deflate": lambda: _ZlibStream(zlib.MAX_WBITS),
    "zstd": ZstdDecompressor,
    "lz4": lz4_frame.LZ4FrameDecompressor,
}


class _FrameDecoder:
    """Decodes any number of frames, one behind the other: clients send a frame for each of their blocks."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: Decompressor | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be decoded so far, in pieces of a mebibyte at most.

        Raises:
            StatementError: The data is not of this encoding.
        """
        while data:
            stream = self._open = self._open or _STREAMS[self._name]()
            try:
                yield from _drain(stream, data)
            except (zlib.error, *DECOMPRESSION_ERRORS, RuntimeError) as error:
                message = f"The body is not {self._name}: {error}"
                raise StatementError(Code.CANNOT_DECOMPRESS, message) from error
            data = b""
            if stream.eof:
                data, self._open = stream.unused_data or b"", None

    def finish(self) -> None:
        """Nothing more comes.

        Raises:
            StatementError: The last frame is not complete.
        """
        if self._open is not None:
            message = f"The body ends in the middle of a {self._name} frame."
            raise StatementError(Code.CANNOT_DECOMPRESS, message)


class _PlainDecoder:
    """Hands a body on that is not encoded."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data as it came."""
        yield data

    def finish(self) -> None:
        """Nothing to do: a body without an encoding may end anywhere."""


def _drain(stream: Decompressor, data: bytes) -> Iterator[bytes]:
    yield stream.decompress(data, _PIECE)
    while not stream.eof and not stream.needs_input:
        yield stream.decompress(b"", _PIECE)


def decoder(encoding: str) -> Decoder:
    """A decoder for a ``Content-Encoding``; empty and ``identity`` mean none.

    Raises:
        StatementError: The encoding is not known here.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return _PlainDecoder()
    if name not in _STREAMS:
        message = f"Content-Encoding {name!r} is not supported; use gzip, deflate, zstd, lz4 or none."
        raise StatementError(Code.UNKNOWN_COMPRESSION_METHOD, message)
    return _FrameDecoder(name)


class _Lz4Compressor:
    """One LZ4 frame in the shape of the others."""

    def __init__(self) -> None:
        self._frame = lz4_frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        """What can be given out so far, the head of the frame before the first; often empty."""
        return self._begin() + self._frame.compress(data)

    def flush(self) -> bytes:
        """The rest and the end of the frame, which is whole also if nothing was compressed."""
        return self._begin() + self._frame.flush()

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._frame.begin()


_CODINGS: Final[dict[str, Callable[[], Compressor]]] = {
    "lz4": _Lz4Compressor,
    "zstd": lambda: ZstdCompressor(level=_FAST),
    "gzip": lambda: zlib.compressobj(_FAST, zlib.DEFLATED, zlib.MAX_WBITS | 16),
    "deflate": lambda: zlib.compressobj(_FAST, zlib.DEFLATED, zlib.MAX_WBITS),
}


def compressor(accepted: str) -> tuple[str, Compressor] | None:
    """The first coding of an ``Accept-Encoding`` that is known here, or None."""
    for offer in accepted.split(","):
        name, _, weight = offer.strip().lower().partition(";")
        if name in _CODINGS and weight.replace(" ", "") not in {"q=0", "q=0.0"}:
            return name, _CODINGS[name]()
    return None

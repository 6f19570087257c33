"""The compiled libraries that carry no types of their own, with types for the little that is used of them."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DECOMPRESSION_ERRORS",
    "Compressor",
    "Decompressor",
    "ZstdCompressor",
    "ZstdDecompressor",
    "city_hash_128",
    "lz4_block",
    "lz4_frame",
]


class Compressor(Protocol):
    """Compresses one stream."""

    def compress(self, data: bytes, /) -> bytes:
        """What is ready to be sent of everything given so far."""
        ...

    def flush(self) -> bytes:
        """The rest."""
        ...


class Decompressor(Protocol):
    """Decompresses one stream, never more at once than is asked for."""

    @property
    def eof(self) -> bool:
        """Whether the stream is complete."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more data."""
        ...

    @property
    def unused_data(self) -> bytes | None:
        """What was given beyond the end of the stream."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """The next piece, of ``max_length`` bytes at most."""
        ...


class _Lz4FrameCompressor(Protocol):
    """Compresses one LZ4 frame."""

    def begin(self) -> bytes:
        """The head of the frame; it comes before everything else, once."""
        ...

    def compress(self, data: bytes) -> bytes:
        """What can be given out so far; often empty."""
        ...

    def flush(self) -> bytes:
        """The rest and the end of the frame."""
        ...


class _Lz4Frame(Protocol):
    LZ4FrameCompressor: Callable[[], _Lz4FrameCompressor]
    LZ4FrameDecompressor: Callable[[], Decompressor]


class _Lz4Block(Protocol):
    LZ4BlockError: type[Exception]

    def compress(self, source: bytes, *, store_size: bool) -> bytes:
        """One block, with its uncompressed size in front only if that is asked for."""
        ...

    def decompress(self, source: bytes, *, uncompressed_size: int) -> bytes:
        """The data of a block without its size in front, of so many bytes at most; else raises LZ4BlockError."""
        ...


class _CityHash(Protocol):
    CityHash128: Callable[[bytes], int]


lz4_frame: Final = cast("_Lz4Frame", import_module("lz4.frame"))
lz4_block: Final = cast("_Lz4Block", import_module("lz4.block"))
city_hash_128: Final = cast("_CityHash", import_module("clickhouse_cityhash.cityhash")).CityHash128
"""CityHash128 of release 1.0.2, the one that ClickHouse froze; its first half is on top."""

DECOMPRESSION_ERRORS: Final = (lz4_block.LZ4BlockError, ZstdError)
"""What the decompressors of LZ4 blocks and of zstd raise."""

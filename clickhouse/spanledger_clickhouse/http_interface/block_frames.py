"""ClickHouse's own framing of compressed data: what ``compress=1`` and ``decompress=1`` mean on its HTTP port.

::

    frame := checksum method compressed_size size payload
    checksum         16 bytes, CityHash128 of release 1.0.2 over everything after it
    method           1 byte: 0x02 none, 0x82 LZ4, 0x90 ZSTD
    compressed_size  4 bytes little-endian, the nine bytes from `method` to `size` included
    size             4 bytes little-endian, of the payload once decompressed
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.http_interface.extensions import (
    DECOMPRESSION_ERRORS,
    ZstdDecompressor,
    city_hash_128,
    lz4_block,
)
from spanledger_clickhouse.http_interface.failures import Code, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FrameReader", "write_frames"]

_CHECKSUM: Final = 16
_HEADER: Final = struct.Struct("<BII")
_NONE: Final = 0x02
_LZ4: Final = 0x82
_ZSTD: Final = 0x90
_LARGEST: Final = 256 * 1024**2
"""Bytes of one frame, on either side of the compression. Go's driver makes one frame of a whole batch."""
_WRITTEN: Final = 1024**2


class FrameReader:
    """Undoes the framing of a body as it arrives; it holds one frame at a time."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payloads of the frames that are complete.

        Raises:
            StatementError: A frame is damaged, too large or compressed in another way.
        """
        self._pending += data
        while (length := self._length()) is not None and len(self._pending) >= length:
            frame = bytes(memoryview(self._pending)[:length])
            del self._pending[:length]
            yield _payload(frame)

    def finish(self) -> None:
        """Nothing more comes.

        Raises:
            StatementError: The body ends in the middle of a frame.
        """
        if self._pending:
            message = "The body ends in the middle of a compressed block."
            raise StatementError(Code.CANNOT_DECOMPRESS, message)

    def _length(self) -> int | None:
        if len(self._pending) < _CHECKSUM + _HEADER.size:
            return None
        _, compressed_size, size = _HEADER.unpack_from(self._pending, _CHECKSUM)
        if not _HEADER.size <= compressed_size <= _LARGEST or size > _LARGEST:
            message = f"A compressed block may have at most {_LARGEST} bytes; send smaller batches."
            raise StatementError(Code.TOO_LARGE_STRING_SIZE, message)
        return _CHECKSUM + int(compressed_size)


def _payload(frame: bytes) -> bytes:
    if _digest(frame[_CHECKSUM:]) != frame[:_CHECKSUM]:
        message = "The checksum of a compressed block does not match; it was damaged on the way."
        raise StatementError(Code.CHECKSUM_DOESNT_MATCH, message)
    method, _, size = _HEADER.unpack_from(frame, _CHECKSUM)
    data = frame[_CHECKSUM + _HEADER.size :]
    try:
        if method == _LZ4:
            return lz4_block.decompress(data, uncompressed_size=size)
        if method == _ZSTD:
            return ZstdDecompressor().decompress(data, size)
    except DECOMPRESSION_ERRORS as error:
        message = f"A compressed block cannot be decompressed: {error}"
        raise StatementError(Code.CANNOT_DECOMPRESS, message) from error
    if method == _NONE:
        return data
    message = f"The compression method 0x{method:02x} of a block is not supported; use LZ4, ZSTD or none."
    raise StatementError(Code.UNKNOWN_COMPRESSION_METHOD, message)


def write_frames(data: bytes) -> bytes:
    """Lay data out as LZ4 frames."""
    return b"".join(_frame(data[start : start + _WRITTEN]) for start in range(0, len(data), _WRITTEN))


def _frame(data: bytes) -> bytes:
    payload = lz4_block.compress(data, store_size=False)
    covered = _HEADER.pack(_LZ4, _HEADER.size + len(payload), len(data)) + payload
    return _digest(covered) + covered


def _digest(data: bytes) -> bytes:
    # The hash comes as one number with its first half on top; on the wire each half is little-endian.
    value = city_hash_128(data)
    return struct.pack("<QQ", value >> 64, value & 0xFFFFFFFFFFFFFFFF)

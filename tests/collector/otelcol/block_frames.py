"""ClickHouse's own framing of compressed blocks: what ``compress=1`` and ``decompress=1`` mean on its HTTP port.

::

    frame := checksum method compressed_size size payload
    checksum         16 bytes, ClickHouse's variant of CityHash128 over everything after it
    method           1 byte: 0x02 none, 0x82 LZ4, 0x90 ZSTD
    compressed_size  4 bytes little-endian, the nine bytes from `method` to `size` included
    size             4 bytes little-endian, of the payload once decompressed
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import lz4.block  # type: ignore[import-untyped]  # the package has no types

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_frames", "write_frames"]

_CHECKSUM: Final = 16
_HEADER: Final = struct.Struct("<BII")
_NONE: Final = 0x02
_LZ4: Final = 0x82
_SHORT: Final = 100
"""Payload bytes of a written frame: below 128 the checksum is simple, and a reader takes any number of frames."""

_K0: Final = 0xC3A5C85C97CB3127
_K1: Final = 0xB492B66FBE98F273
_K2: Final = 0x9AE16A3B2F90404F
_K3: Final = 0xC949D7C7509E6557
_FOLD: Final = 0x9DDFEA08EB382D69
_WORD: Final = (1 << 64) - 1


def read_frames(data: bytes) -> bytes:
    """Decompress a sequence of frames; checksums are taken on trust, since the test's socket loses nothing."""
    return b"".join(_read_payloads(data))


def write_frames(data: bytes) -> bytes:
    """Lay out bytes as uncompressed frames with checksums that ClickHouse's clients accept."""
    return b"".join(_write_frame(data[start : start + _SHORT]) for start in range(0, len(data), _SHORT))


def _read_payloads(data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        start = position + _CHECKSUM
        method, compressed_size, size = _HEADER.unpack_from(data, start)
        payload = data[start + _HEADER.size : start + compressed_size]
        match method:
            case 0x02:
                yield payload
            case 0x82:
                yield lz4.block.decompress(payload, uncompressed_size=size)
            case _:
                message = f"compression method 0x{method:02x}"
                raise NotImplementedError(message)
        position = start + compressed_size


def _write_frame(payload: bytes) -> bytes:
    covered = _HEADER.pack(_NONE, _HEADER.size + len(payload), len(payload)) + payload
    low, high = _short_hash(covered)
    return struct.pack("<QQ", low, high) + covered


def _short_hash(data: bytes) -> tuple[int, int]:
    """CityHash128 as ClickHouse froze it, of 9 to 143 bytes."""
    if len(data) < 16:
        a = int.from_bytes(data[:8], "little") ^ (len(data) * _K0 & _WORD)
        b = int.from_bytes(data[-8:], "little") ^ _K1
        return _murmur(b"", a, b)
    return _murmur(data[16:], int.from_bytes(data[:8], "little") ^ _K3, int.from_bytes(data[8:16], "little"))


def _murmur(data: bytes, a: int, b: int) -> tuple[int, int]:
    if len(data) <= 16:
        a = _mix(a * _K1) * _K1 & _WORD
        c = (b * _K1 + _tail_hash(data)) & _WORD
        d = _mix(a + (int.from_bytes(data[:8], "little") if len(data) >= 8 else c))
    else:
        c = _fold(int.from_bytes(data[-8:], "little") + _K1, a)
        d = _fold(b + len(data), c + int.from_bytes(data[-16:-8], "little"))
        a = (a + d) & _WORD
        for start in range(0, len(data) - 16, 16):
            low, high = struct.unpack_from("<QQ", data, start)
            a = (a ^ _mix(low * _K1) * _K1 & _WORD) * _K1 & _WORD
            b ^= a
            c = (c ^ _mix(high * _K1) * _K1 & _WORD) * _K1 & _WORD
            d ^= c
    a, b = _fold(a, c), _fold(d, b)
    return a ^ b, _fold(b, a)


def _tail_hash(data: bytes) -> int:
    """The 64-bit hash of at most 16 bytes."""
    length = len(data)
    if length > 8:
        low, high = int.from_bytes(data[:8], "little"), int.from_bytes(data[-8:], "little")
        return _fold(low, _rotate(high + length, length)) ^ high
    if length >= 4:
        return _fold(length + (int.from_bytes(data[:4], "little") << 3), int.from_bytes(data[-4:], "little"))
    if length > 0:
        y = data[0] + (data[length >> 1] << 8)
        z = length + (data[-1] << 2)
        return _mix((y * _K2 ^ z * _K3) & _WORD) * _K2 & _WORD
    return _K2


def _mix(value: int) -> int:
    value &= _WORD
    return value ^ value >> 47


def _rotate(value: int, by: int) -> int:
    value &= _WORD
    return (value >> by | value << 64 - by) & _WORD


def _fold(low: int, high: int) -> int:
    """Sixteen bytes to eight."""
    low, high = low & _WORD, high & _WORD
    a = (low ^ high) * _FOLD & _WORD
    a ^= a >> 47
    b = (high ^ a) * _FOLD & _WORD
    b ^= b >> 47
    return b * _FOLD & _WORD

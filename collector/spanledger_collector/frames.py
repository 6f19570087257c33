r"""How requests lie in a segment file: length-delimited protobuf, each with a checksum inside.

::

    segment := frame*
    frame   := varint(length of body and seal) body seal
    body    := one ExportTraceServiceRequest, byte for byte as it was sent
    seal    := 0x7D crc32(body), 5 bytes: protobuf field 15 of type fixed32, little-endian

Field 15 does not exist in the message, so any protobuf reader skips it, ClickHouse's too: the file with checksums is
still the file that ClickHouse loads. A frame cut short, or with a wrong checksum, was never acknowledged.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SEAL_LENGTH", "frame", "read_frames", "whole_length"]

_SEAL_TAG: Final = b"\x7d"
SEAL_LENGTH: Final = 5
"""Bytes at the end of a frame that hold the checksum."""

_LONGEST_VARINT: Final = 10


def frame(body: bytes) -> bytes:
    """Lay out one request as a frame."""
    seal = _SEAL_TAG + zlib.crc32(body).to_bytes(4, "little")
    return _varint(len(body) + SEAL_LENGTH) + body + seal


def read_frames(data: bytes) -> Iterator[bytes]:
    """Yield the body of each whole frame, in order, up to the first that is cut short or damaged."""
    for start, end in _spans(data):
        yield data[start:end]


def whole_length(data: bytes) -> int:
    """How many bytes at the start of ``data`` are whole frames; what follows was never acknowledged."""
    length = 0
    for _, end in _spans(data):
        length = end + SEAL_LENGTH
    return length


def _spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each body begins and ends, up to the first frame that is not whole."""
    position = 0
    while position < len(data):
        header = _read_varint(data, position)
        if header is None:
            return
        length, start = header
        end = start + length - SEAL_LENGTH
        if end < start or end + SEAL_LENGTH > len(data):
            return
        seal = data[end : end + SEAL_LENGTH]
        if seal != _SEAL_TAG + zlib.crc32(data[start:end]).to_bytes(4, "little"):
            return
        yield start, end
        position = end + SEAL_LENGTH


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _read_varint(data: bytes, position: int) -> tuple[int, int] | None:
    """Read a varint; None if it is cut short or too long, else the number and where the next byte is."""
    number = 0
    for index, byte in enumerate(data[position : position + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the last byte has its top bit clear
            return number, position + index + 1
    return None

"""The few blocks of ClickHouse's Native format that the engine in this process does not write by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["empty_block", "greeting", "is_greeting"]

_GREETING: Final = "SELECT displayName(), version(), revision(), timezone()"
_BLOCK_INFO_SINCE: Final = 1
_SERIALIZATION_SINCE: Final = 54454
_BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""Field 1, not an overflow block; field 2, bucket -1; the end."""


def empty_block(columns: Sequence[tuple[str, str]]) -> bytes:
    """A block of names and types without rows; the engine writes nothing at all for an empty result.

    Args:
        columns: Name and type of each column.
    """
    return bytes((*_number(len(columns)), 0)) + b"".join(_text(name) + _text(kind) for name, kind in columns)


def is_greeting(sql: str) -> bool:
    """Whether a statement is the one by which Go's driver gets to know a server."""
    return " ".join(sql.split()) == _GREETING


def greeting(version: str, protocol_version: int) -> bytes:
    """The answer to the greeting, in the layout of the protocol version that the client claims.

    It states revision 0, so that the client reads every later block in the plain layout that the engine writes.

    Args:
        version: The engine's version.
        protocol_version: What the client sent; 0 for the plain layout.
    """
    columns = (
        ("displayName()", "String", _text("spanledger")),
        ("version()", "String", _text(version)),
        ("revision()", "UInt32", bytes(4)),
        ("timezone()", "String", _text("UTC")),
    )
    info = _BLOCK_INFO if protocol_version >= _BLOCK_INFO_SINCE else b""
    ordinary = b"\0" if protocol_version >= _SERIALIZATION_SINCE else b""
    body = b"".join(_text(name) + _text(kind) + ordinary + data for name, kind, data in columns)
    return info + bytes((len(columns), 1)) + body


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _number(len(encoded)) + encoded


def _number(value: int) -> bytes:
    """An unsigned number, seven bits a byte, the lowest first."""
    written = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - what seven bits hold
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)

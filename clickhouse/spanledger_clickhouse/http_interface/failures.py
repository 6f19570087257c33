"""What a client is told when a statement is not run: ClickHouse's code, its name, and the HTTP status of both."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from spanledger.exceptions import InvalidRequestError

__all__ = ["Code", "StatementError"]


class Code(IntEnum):
    """The codes that this interface gives of its own accord; the engine has more."""

    BAD_ARGUMENTS = 36
    CHECKSUM_DOESNT_MATCH = 40
    UNKNOWN_FUNCTION = 46
    NOT_IMPLEMENTED = 48
    UNKNOWN_TABLE = 60
    SYNTAX_ERROR = 62
    UNKNOWN_FORMAT = 73
    UNKNOWN_DATABASE = 81
    UNKNOWN_COMPRESSION_METHOD = 89
    NO_DATA_TO_INSERT = 108
    READONLY = 164
    TOO_DEEP_AST = 167
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    SOCKET_TIMEOUT = 209
    QUERY_IS_TOO_LARGE = 229
    CANNOT_DECOMPRESS = 271
    TOO_LARGE_STRING_SIZE = 131
    ACCESS_DENIED = 497
    AUTHENTICATION_FAILED = 516
    UNKNOWN_EXCEPTION = 1002


_BAD_REQUEST: Final = frozenset(
    {6, 25, 26, 27, 36, 38, 40, 41, 53, 62, 72, 89, 108, 117, 167, 168, 223, 271, 376, 456, 457}
)
_STATUS: Final[dict[int, int]] = {
    **dict.fromkeys(_BAD_REQUEST, 400),
    **dict.fromkeys((164, 192, 193, 291, 452, 497, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 81, 115), 404),
    159: 408,
    **dict.fromkeys((131, 229), 413),
    48: 501,
    **dict.fromkeys((202, 209, 241, 439), 503),
}
_SAID: Final = re.compile(r"Code: (\d+)\. DB::Exception: (.*)", re.DOTALL)
_NAMED: Final = re.compile(r"\((?P<name>[A-Z][A-Z0-9_]+)\)\s*(?:\(version [^)]*\))?\s*\Z")


class StatementError(InvalidRequestError):
    """A statement was refused, or failed in the engine.

    Args:
        code: ClickHouse's number of the error.
        detail: What is wrong and what would be accepted.
        name: ClickHouse's name of the error; taken from the code where None.
    """

    def __init__(self, code: int, detail: str, *, name: str | None = None) -> None:
        super().__init__(detail)
        self.code = int(code)
        known = code in Code.__members__.values()
        self.name = name or (Code(code).name if known else "UNKNOWN_EXCEPTION")

    @classmethod
    def from_engine(cls, error: Exception) -> StatementError:
        """What the engine said, with wrappings of the way to it taken off."""
        match = _SAID.search(str(error))
        if match is None:
            return cls(Code.UNKNOWN_EXCEPTION, str(error))
        detail = match[2].strip()
        named = _NAMED.search(detail)
        name = named["name"] if named else None
        return cls(int(match[1]), _NAMED.sub("", detail).strip(), name=name)

    @property
    def http_status(self) -> int:
        """The status that ClickHouse answers with; 500 for codes that it has no other for."""
        return _STATUS.get(self.code, 500)

    @property
    def text(self) -> str:
        """The body of the answer, in the form that clients read the code from."""
        return f"Code: {self.code}. DB::Exception: {self.detail} ({self.name})\n"

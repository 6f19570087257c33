"""Instants as integer nanoseconds since 1970 UTC inside, as RFC 3339 text outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

NANOSECONDS: Final = 1_000_000_000
"""Nanoseconds in one second."""

LAST: Final = 2**63 - 1
"""The last instant that the ledger can hold, in the year 2262."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(?P<whole>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?(?P<offset>[Zz]|[+\- ]\d\d:\d\d)",
    re.ASCII,
)


def nanoseconds_of(moment: datetime) -> int:
    """Nanoseconds since 1970 UTC of an aware datetime, exact to its microseconds.

    Raises:
        TypeError: The datetime is naive.
    """
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since 1970 UTC of an RFC 3339 time, up to nine decimals of a second.

    Raises:
        ValueError: It is not RFC 3339, has no offset from UTC, or lies outside 1970 to 2262.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        message = "not an RFC 3339 time with an offset, such as 2026-03-01T00:00:00Z or 2026-03-01T00:00:00+08:00"
        raise ValueError(message)
    # An unescaped "+" in a query string arrives as a space; nothing else can be meant by it here.
    offset = match["offset"].replace(" ", "+").upper()
    whole = datetime.fromisoformat(match["whole"].upper() + offset)
    result = nanoseconds_of(whole) + int((match["fraction"] or "").ljust(9, "0"))
    if not 0 <= result <= LAST:
        message = "outside the ledger's range, 1970 to 2262"
        raise ValueError(message)
    return result


def format_rfc3339(nanoseconds: int) -> str:
    """RFC 3339 text in UTC with 0, 3, 6 or 9 decimals, as few as keep every digit."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if not fraction:
        return f"{whole}Z"
    digits = f"{fraction:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{whole}.{digits}Z"

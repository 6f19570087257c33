"""Instants: RFC 3339 outside, exact nanoseconds inside."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_api.times import format_rfc3339, nanoseconds_of, parse_rfc3339


@given(st.integers(0, 2**63 - 1))
def test_text_and_back_is_the_same_instant(instant: int) -> None:
    """Writing an instant and reading it again loses no nanosecond."""
    assert parse_rfc3339(format_rfc3339(instant)) == instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01t08:00:00+08:00", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T08:00:00 08:00", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-02-28 19:00:00.5-05:00", datetime(2026, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_reads_every_form_of_rfc3339(text: str, expected: datetime) -> None:
    """Offsets, lower case, a space and a plus that a query string turned into a space mean the same."""
    assert parse_rfc3339(text) == nanoseconds_of(expected)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01",
        "2026-03-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-03-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z",
        "now",
        "",
        "2026-03-01T00:00:00+99:00",
    ],
)
def test_refuses_what_is_no_instant_of_the_ledger(text: str) -> None:
    """Dates, naive times, impossible times and times outside the ledger's range are errors."""
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000_000, "1970-01-01T00:00:01.500Z"),
        (1_000_001_000, "1970-01-01T00:00:01.000001Z"),
        (1_000_000_001, "1970-01-01T00:00:01.000000001Z"),
    ],
)
def test_writes_as_few_decimals_as_keep_every_digit(instant: int, expected: str) -> None:
    """There are 0, 3, 6 or 9 decimals."""
    assert format_rfc3339(instant) == expected

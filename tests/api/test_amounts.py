"""Averages and shares: decimal arithmetic that keeps every digit and rounds once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_api.amounts import average, exact_arithmetic, milliseconds, share

_TOTALS = st.decimals(Decimal("-1e26"), Decimal("99999999999999999999999999.999999999999"), places=12, allow_nan=False)


@given(_TOTALS, st.integers(1, 10**9))
def test_an_average_is_the_nearest_amount(total: Decimal, count: int) -> None:
    """It is within half of the last place of the exact quotient, however long the total."""
    error = abs(Fraction(average(total, count)) - Fraction(total) / count)

    assert error <= Fraction(1, 2 * 10**12)


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        (Decimal("0.12"), 2, Decimal("0.06")),
        (Decimal("0.000000000001"), 2, Decimal(0)),
        (Decimal("0.000000000003"), 2, Decimal("0.000000000002")),
        (Decimal(5), 0, Decimal(0)),
    ],
)
def test_an_average_rounds_half_even(total: Decimal, count: int, expected: Decimal) -> None:
    """Halves of the last place go to the even neighbour; nothing averages to 0."""
    assert average(total, count) == expected


def test_a_share_of_nothing_is_nothing() -> None:
    """Where the whole is 0 so is every share of it."""
    assert share(Decimal(0), Decimal(0)) == 0
    assert share(Decimal(1), Decimal(3)) == Decimal("0.333333333333")


def test_milliseconds_come_from_whole_nanoseconds() -> None:
    """A mean of nanoseconds is exact to the nanosecond, also beyond what a float holds."""
    assert milliseconds(1_500_000) == Decimal("1.5")
    assert milliseconds(10, 3) == Decimal("0.000003")
    assert milliseconds(2**64 + 1) == Decimal("18446744073709.551617")
    assert milliseconds(7, 0) == 0


def test_sums_keep_digits_that_the_default_context_rounds_away() -> None:
    """Inside the block a 38-digit amount and the smallest amount add up exactly."""
    big, small = Decimal("99999999999999999999999999.999999999999"), Decimal("0.000000000001")

    with exact_arithmetic():
        assert big + small == Decimal(100000000000000000000000000)
        assert (big + small) - big == small
    assert (big + Decimal("0.5")) - big != Decimal("0.5")

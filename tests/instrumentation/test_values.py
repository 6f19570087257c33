"""What callers hand over, made fit for a span."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.exceptions import InvalidRequestError
from spanledger.values import decimal_text, metadata_attributes, non_negative, text

AMOUNTS = st.decimals(min_value=0, max_value=10**20, allow_nan=False, allow_infinity=False, places=12)


@given(AMOUNTS)
def test_a_decimal_survives_its_text(amount: Decimal) -> None:
    """Text form and back is the same number, whatever its form on the way in."""
    assert non_negative(decimal_text(amount), "quantity") == amount
    assert non_negative(amount, "quantity") == amount


@given(st.floats(min_value=0, max_value=1e20, allow_subnormal=False).filter(lambda number: not 0 < number < 1e-20))
def test_a_float_counts_as_what_it_prints(number: float) -> None:
    """0.1 is exactly one tenth, not the binary fraction next to it."""
    assert non_negative(number, "quantity") == Decimal(repr(number))


@given(st.text())
def test_any_text_becomes_encodable(value: str) -> None:
    """What UTF-8 carries stays as it is."""
    assert text(value).encode().decode() == text(value)
    assert text(f"{value}\udc80") == f"{value}?"


def test_text_has_no_exponent_and_no_trailing_zeros() -> None:
    """The form that every receiver reads."""
    texts = [decimal_text(Decimal(value)) for value in ("0.0600", "1E+3", "0E-12", "1E-12")]
    assert texts == ["0.06", "1000", "0", "0.000000000001"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (float("nan"), "not a finite number"),
        ("Infinity", "not a finite number"),
        (-1, "is negative"),
        ("many", "not a number"),
        ("9" * 5000, "more digits than the ledger can hold"),
        (True, "is a bool"),
        (None, "is a NoneType"),
        ([1], "is a list"),
        (1e26, "more digits than the ledger can hold"),
        (Decimal("1e-50"), "more digits than the ledger can hold"),
    ],
)
def test_what_is_no_amount_is_named(value: object, problem: str) -> None:
    """The error names the parameter and what is wrong with it."""
    with pytest.raises(InvalidRequestError, match=problem) as raised:
        non_negative(value, "quantity")
    assert raised.value.parameter == "quantity"


def test_metadata_of_any_kind_becomes_attributes() -> None:
    """Plain values stay, huge integers and decimals become text, the rest JSON, and None is left out."""
    metadata = {
        "s": "é",
        "b": True,
        "i": 7,
        "f": 0.5,
        "big": 2**70,
        "d": Decimal("0.10"),
        "l": [1, {"a": None}],
        "n": None,
    }

    assert metadata_attributes("m.", metadata) == {
        "m.s": "é",
        "m.b": True,
        "m.i": 7,
        "m.f": 0.5,
        "m.big": str(2**70),
        "m.d": "0.10",
        "m.l": '[1, {"a": null}]',
    }
    assert metadata_attributes("m.", None) == {}

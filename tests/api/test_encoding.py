"""Answers as bytes: no digit of an amount is lost on the way."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from spanledger_api.encoding import to_csv, to_json

_AMOUNTS = st.decimals(
    Decimal("-99999999999999999999999999.999999999999"),
    Decimal("99999999999999999999999999.999999999999"),
    places=12,
    allow_nan=False,
)


class _Line(BaseModel):
    name: str | None
    amount: Decimal
    count: int = 0


@given(_AMOUNTS)
def test_json_keeps_every_digit_of_an_amount(amount: Decimal) -> None:
    """Read back without floats, a 38-digit number is the same number."""
    body = to_json([_Line(name="a", amount=amount)])

    assert b"e" not in body.lower().replace(b'"name"', b"")
    assert json.loads(body, parse_float=Decimal, parse_int=Decimal)[0]["amount"] == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.060000000000", "0.06"),
        ("0E-12", "0"),
        ("1E-12", "0.000000000001"),
        ("1200.000000000000", "1200"),
        ("1E+3", "1000"),
        ("-0.5", "-0.5"),
        ("12345678901234567890123456.123456789012", "12345678901234567890123456.123456789012"),
    ],
)
def test_numbers_are_written_the_short_way(amount: str, text: str) -> None:
    """There is no exponent and no trailing zero."""
    assert to_json({"a": Decimal(amount)}) == f'{{"a":{text}}}'.encode()
    assert to_csv(["amount"], [_Line(name=None, amount=Decimal(amount))]) == f"amount\r\n{text}\r\n".encode()


@given(st.text(st.characters(exclude_categories=["Cs"])), _AMOUNTS)
def test_csv_reads_back_as_it_was(name: str, amount: Decimal) -> None:
    """Quotes, commas and line ends inside a name survive."""
    body = to_csv(["name", "amount"], [_Line(name=name, amount=amount)])

    heading, line = csv.reader(io.StringIO(body.decode(), newline=""))
    assert heading == ["name", "amount"]
    assert line[0] == name
    assert Decimal(line[1]) == amount


def test_a_missing_value_is_null_or_empty() -> None:
    """JSON says null, CSV leaves the field empty."""
    line = _Line(name=None, amount=Decimal(1), count=2)

    assert to_json([line]) == b'[{"name":null,"amount":1,"count":2}]'
    assert to_csv(["name", "amount", "count"], [line]) == b"name,amount,count\r\n,1,2\r\n"

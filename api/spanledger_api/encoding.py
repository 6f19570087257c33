"""Answers as bytes: JSON and CSV in which every amount keeps every digit."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import msgspec
from pydantic import BaseModel

from spanledger.values import decimal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def to_json(value: object) -> bytes:
    """One JSON document; a decimal becomes a number with all its digits, without exponent or trailing zeros.

    Raises:
        TypeError: It holds something that JSON has no form for.
    """
    return msgspec.json.encode(_exact(value))


def _exact(value: object) -> object:
    # msgspec would write a small decimal with an exponent (1E-12) and keep its trailing zeros.
    if isinstance(value, Decimal):
        return msgspec.Raw(decimal_text(value).encode())
    if isinstance(value, BaseModel):
        return {name: _exact(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {key: _exact(each) for key, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_exact(each) for each in cast("Sequence[object]", value)]
    return value


def to_csv(columns: Sequence[str], rows: Iterable[BaseModel | Mapping[str, object]]) -> bytes:
    """A CSV document (RFC 4180, UTF-8) with one heading line; a missing value is an empty field."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_field(_value(row, column)) for column in columns] for row in rows)
    return text.getvalue().encode()


def _value(row: BaseModel | Mapping[str, object], column: str) -> object:
    return getattr(row, column) if isinstance(row, BaseModel) else row[column]


def _field(value: object) -> str:
    if value is None:
        return ""
    return decimal_text(value) if isinstance(value, Decimal) else str(value)

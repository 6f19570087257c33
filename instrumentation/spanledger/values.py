"""What callers hand over, made fit for a span: exact decimals, encodable text, metadata of any kind."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, TypeAlias

from spanledger.exceptions import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Attribute", "Number", "decimal_text", "encodable", "metadata_attributes", "non_negative", "text"]

Number: TypeAlias = int | float | str | Decimal
"""An amount as callers have it. A float counts as what it prints, so 0.1 is exactly one tenth."""

Attribute: TypeAlias = str | bool | int | float
"""A span attribute value that every receiver understands."""

MOST_INTEGER_DIGITS: Final = 26
"""The ledger keeps amounts with 12 decimals in 38 digits; what is longer cannot be stored and is refused here."""

FINEST_EXPONENT: Final = -40
"""Nothing that is bought in such small pieces; bounds the text that an amount turns into."""

_INT64: Final = 2**63
_ZERO: Final = Decimal(0)


def non_negative(value: object, name: str) -> Decimal:
    """The exact decimal value of an amount.

    Args:
        value: An int, float, decimal or decimal string.
        name: What the amount is, for the error message.

    Raises:
        InvalidRequestError: It is no number, not finite, negative, or longer than the ledger can hold.
    """
    problem, amount = _read(value)
    if problem is not None:
        message = f"{name} {problem}"
        raise InvalidRequestError(message, parameter=name)
    return amount


def _read(value: object) -> tuple[str | None, Decimal]:
    """What is wrong with an amount, None if nothing; and its decimal value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return f"is a {type(value).__name__}, not a number", _ZERO
    try:
        amount = Decimal(repr(float(value)) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError):
        return f"is {value!r:.80}, not a number", _ZERO
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, str):
        return f"is {amount}, not a finite number", _ZERO
    if amount < 0:
        return f"is negative: {amount:.12g}", _ZERO
    if exponent < FINEST_EXPONENT or (amount and amount.adjusted() >= MOST_INTEGER_DIGITS):
        return f"has more digits than the ledger can hold: {amount:.12g}", _ZERO
    return None, amount


def decimal_text(amount: Decimal) -> str:
    """Every significant digit of a decimal, without exponent or trailing zeros (``0.06``, ``0``, ``1200``)."""
    plain = format(amount, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def encodable(value: str) -> bool:
    """Whether the text survives UTF-8; file names with undecodable bytes do not, and would sink their whole batch."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def text(value: object) -> str:
    """The value as text that can be sent, with ``?`` for what UTF-8 cannot carry."""
    plain = value if isinstance(value, str) else str(value)
    return plain if encodable(plain) else plain.encode("utf-8", "replace").decode()


def metadata_attributes(prefix: str, metadata: Mapping[str, object] | None) -> dict[str, Attribute]:
    """One span attribute for each entry of the metadata; entries that are None are left out.

    Args:
        prefix: What each attribute's name begins with, e.g. ``cost.metadata.``.
        metadata: Anything; what is neither text, truth value nor number becomes JSON. None is no metadata.
    """
    entries = (metadata or {}).items()
    return {prefix + text(key): _attribute(value) for key, value in entries if value is not None}


def _attribute(value: object) -> Attribute:
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Decimal):
        return str(value)
    return text(json.dumps(value, ensure_ascii=False, default=str))

"""Arrays and maps in attributes, from OTLP's bytes to the JSON text that is stored.

ClickHouse cannot read values that nest without end, so it reads their bytes and calls these functions on them. Whoever
has no such values never pays for it.

The text is the one that the OpenTelemetry Collector's exporter stores, letter for letter, so that a value is found by
the same comparison whichever way it came: compact, keys sorted, doubles in Go's notation.
"""

from __future__ import annotations

import base64
import math
from decimal import Decimal
from functools import cache, lru_cache
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final, TypeVar

import chdb
from opentelemetry.proto.common.v1.common_pb2 import ArrayValue, KeyValueList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

__all__ = ["JSON_ARRAY_FUNCTION", "JSON_MAP_FUNCTION", "json_array", "json_map", "register_functions"]

JSON_ARRAY_FUNCTION: Final = "otlp_json_array"
JSON_MAP_FUNCTION: Final = "otlp_json_map"

_Item = TypeVar("_Item")
_CACHED_VALUES: Final = 4096
_SMALLEST_PLAIN: Final = 1e-6
_SMALLEST_EXPONENT: Final = 1e21
"""Between these two Go writes a double without an exponent."""


@lru_cache(_CACHED_VALUES)
def json_array(encoded: str) -> str:
    """JSON text of an OTLP ``ArrayValue``, given in base64; empty where a NaN or an infinity is anywhere inside."""
    return _text_or_nothing(_array_text, ArrayValue.FromString(base64.b64decode(encoded)).values)


@lru_cache(_CACHED_VALUES)
def json_map(encoded: str) -> str:
    """JSON text of an OTLP ``KeyValueList``, given in base64; keys sorted, of repeated keys the last.

    It is empty where a NaN or an infinity is anywhere inside, which JSON cannot say.
    """
    return _text_or_nothing(_map_text, KeyValueList.FromString(base64.b64decode(encoded)).values)


@cache
def register_functions() -> None:
    """Make both functions known to the engine of this process; repeating it changes nothing."""
    for name, function in ((JSON_ARRAY_FUNCTION, json_array), (JSON_MAP_FUNCTION, json_map)):
        chdb.create_function(name, function, ["String"], "String")


class _NotJsonError(ValueError):
    """A value holds a double that JSON has no word for."""


def _text_or_nothing(write: Callable[[Iterable[_Item]], str], items: Iterable[_Item]) -> str:
    try:
        return write(items)
    except _NotJsonError:
        return ""


def _array_text(values: Iterable[AnyValue]) -> str:
    return f"[{','.join(map(_value_text, values))}]"


def _map_text(pairs: Iterable[KeyValue]) -> str:
    last = {pair.key: pair.value for pair in pairs}
    return f"{{{','.join(f'{_string_text(key)}:{_value_text(last[key])}' for key in sorted(last))}}}"


def _value_text(value: AnyValue) -> str:  # noqa: PLR0911 - one result a kind of value
    match value.WhichOneof("value"):
        case None:
            return "null"
        case "string_value":
            return _string_text(value.string_value)
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return _double_text(value.double_value)
        case "array_value":
            return _array_text(value.array_value.values)
        case "kvlist_value":
            return _map_text(value.kvlist_value.values)
        case "bytes_value":
            # Go's JSON of an empty list of bytes is that of no list.
            return f'"{base64.b64encode(value.bytes_value).decode()}"' if value.bytes_value else "null"
        case _:
            # A reference into a table of strings, which only profiles have.
            return "null"


def _string_text(value: str) -> str:
    # Go escapes these two, which JavaScript once took for line ends; JSON itself does not ask for it.
    return encode_basestring(value).replace("\u2028", r"\u2028").replace("\u2029", r"\u2029")


def _double_text(value: float) -> str:
    if not math.isfinite(value):
        raise _NotJsonError
    if value and not _SMALLEST_PLAIN <= abs(value) < _SMALLEST_EXPONENT:
        return repr(value).replace("e-0", "e-")
    return f"{Decimal(repr(value)):f}".removesuffix(".0")

"""Arrays and maps in attributes, from OTLP's bytes to the JSON text that is stored.

ClickHouse cannot read values that nest without end, so it reads their bytes and calls these functions on them. Whoever
has no such values never pays for it.
"""

from __future__ import annotations

import base64
import json
import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

import chdb
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["JSON_ARRAY_FUNCTION", "JSON_MAP_FUNCTION", "json_array", "json_map", "register_functions"]

JSON_ARRAY_FUNCTION: Final = "otlp_json_array"
JSON_MAP_FUNCTION: Final = "otlp_json_map"

_CACHED_VALUES = 4096


@lru_cache(_CACHED_VALUES)
def json_array(encoded: str) -> str:
    """JSON text of an OTLP ``ArrayValue``, given in base64."""
    return _text(_plain_array(ArrayValue.FromString(base64.b64decode(encoded)).values))


@lru_cache(_CACHED_VALUES)
def json_map(encoded: str) -> str:
    """JSON text of an OTLP ``KeyValueList``, given in base64; keys sorted, of repeated keys the last."""
    return _text(_plain_map(KeyValueList.FromString(base64.b64decode(encoded))))


@cache
def register_functions() -> None:
    """Make both functions known to the engine of this process; repeating it changes nothing."""
    for name, function in ((JSON_ARRAY_FUNCTION, json_array), (JSON_MAP_FUNCTION, json_map)):
        chdb.create_function(name, function, ["String"], "String")


def _plain_array(values: Iterable[AnyValue]) -> list[object]:
    return [_plain(value) for value in values]


def _plain_map(values: KeyValueList) -> dict[str, object]:
    return {pair.key: _plain(pair.value) for pair in sorted(values.values, key=lambda pair: pair.key)}


def _plain(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return _plain_array(value.array_value.values)
        case "kvlist_value":
            return _plain_map(value.kvlist_value)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "double_value":
            return _plain_double(value.double_value)
        case kind:
            scalar: object = getattr(value, kind)
            return scalar


def _plain_double(value: float) -> object:
    if not math.isfinite(value):
        # JSON has no such number; the text keeps what arrived.
        return str(value)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value  # noqa: PLR2004 - where Go turns to exponents


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

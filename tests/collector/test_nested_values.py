"""Arrays and maps in attributes become the JSON they stand for."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue

from spanledger_collector.nested_values import json_array, json_map

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_text = st.text(st.characters(codec="utf-8"), max_size=20)
_scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _text
_Value = None | bool | int | float | bytes | str | list["_Value"] | dict[str, "_Value"]
_values: st.SearchStrategy[_Value] = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4), max_leaves=12
)


def _fill(target: AnyValue, value: _Value) -> None:  # noqa: C901 - one case a kind of value
    match value:
        case None:
            pass
        case bool():
            target.bool_value = value
        case int():
            target.int_value = value
        case float():
            target.double_value = value
        case bytes():
            target.bytes_value = value
        case str():
            target.string_value = value
        case list():
            target.array_value.SetInParent()
            for item in value:
                _fill(target.array_value.values.add(), item)
        case dict():
            target.kvlist_value.SetInParent()
            for key, item in value.items():
                pair = target.kvlist_value.values.add()
                pair.key = key
                _fill(pair.value, item)


def _array(values: Sequence[_Value]) -> str:
    message = ArrayValue()
    for value in values:
        _fill(message.values.add(), value)
    return json_array(base64.b64encode(message.SerializeToString()).decode())


def _map(values: Mapping[str, _Value]) -> str:
    message = AnyValue()
    _fill(message, dict(values))
    return json_map(base64.b64encode(message.kvlist_value.SerializeToString()).decode())


@given(st.lists(_values, max_size=4))
def test_arrays_are_the_json_of_their_values(values: list[_Value]) -> None:
    """Any nesting of arrays and maps comes out as the same JSON, with keys sorted."""
    expected = json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    assert json.loads(_array(values)) == values
    assert _array(values) == expected.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029")


@given(st.dictionaries(_text, _values, max_size=4))
def test_maps_are_the_json_of_their_entries(values: dict[str, _Value]) -> None:
    """A map comes out as a JSON object."""
    assert json.loads(_map(values)) == values


def test_numbers_and_bytes_look_as_the_exporter_writes_them() -> None:
    """Doubles take Go's notation, bytes are base64, and no bytes at all are null."""
    doubles = [2.0, -0.0, 1.5, 1e-6, 9.9e-7, 1.5e-10, 123456789012345680.0, 1e20, 1e21]

    assert _array(doubles) == "[2,-0,1.5,0.000001,9.9e-7,1.5e-10,123456789012345680,100000000000000000000,1e+21]"
    assert _array([b"\xff", b""]) == '["/w==",null]'


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_read_back_as_itself(number: float) -> None:
    """The notation keeps every bit of a double."""
    [read] = json.loads(_array([number]))

    assert float(read).hex() == number.hex() or number == read == 0


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_leaves_nothing(number: float) -> None:
    """One such number, however deep, and the exporter stores an empty text; so do we."""
    assert _array([1, {"a": [number]}]) == ""
    assert _map({"a": number}) == ""

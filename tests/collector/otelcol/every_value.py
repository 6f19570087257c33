"""One OTLP request with every kind of value that a span can carry, always the same bytes.

Each span is named after what it shows, so that rows of two writers can be laid side by side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Value = None | bool | int | float | bytes | str | Sequence["Value"] | Mapping[str, "Value"]

__all__ = ["every_value"]

_START: Final = 1_767_225_600_123_456_789
"""1 January 2026, with every digit of the nanosecond in use."""

_SCALARS: Final[Mapping[str, Value]] = {
    "absent": None,
    "bool false": False,
    "bool true": True,
    "bytes": bytes(range(256)),
    "bytes empty": b"",
    "int largest": 2**63 - 1,
    "int smallest": -(2**63),
    "int zero": 0,
    "text": "plain",
    "text ascii": "".join(map(chr, range(128))),
    "text empty": "",
    "text markup": '<a href="x">&amp;</a> \\ \'',
    "text wide": "影片分析 ñ 🎬 \u2028\u2029\ufeff\x85",
}
_DOUBLES: Final = (
    *(0.0, -0.0, 1.0, -2.0, 0.1, 1 / 3, 100.0, 1e15, 123456789012345680.0, 1e20, 999999999999999900000.0),
    *(1e21, -1e21, 1.5e300, 1.7976931348623157e308),
    *(0.00123, 0.000015, 1e-6, 0.00000123, 9.99e-7, 1e-7, 1.5e-7, -1.5e-10, 5e-324, 2.2250738585072014e-308),
    *(math.nan, math.inf, -math.inf),
)
_NESTED: Final[Mapping[str, Value]] = {
    "array": ["a", "b"],
    "array deep": [[[[[[["deep"]]]]]]],
    "array empty": [],
    "array mixed": [None, True, 1, 2.5, "x", b"\xff\xfe", [], {}, [1, [2]], {"k": {"l": []}}],
    "array of bytes": [b"", b"a"],
    "array of doubles": [number for number in _DOUBLES if math.isfinite(number)],
    "array of infinity": [1, math.inf],
    "array of nothing": [None],
    "array of texts": [value for value in _SCALARS.values() if isinstance(value, str)],
    "map": {"b": 1, "a": "x", "Z": None, "é": False, "影": 2, "": "no name"},
    "map empty": {},
    "map of nan": {"a": {"b": math.nan}},
}


def every_value() -> ExportTraceServiceRequest:
    """The request; equal on every call."""
    usual = _scope([*_attribute_spans(), *_key_spans(), *_shape_spans(), *_time_spans()], "engine", "1.2.3")
    return ExportTraceServiceRequest(
        resource_spans=[
            _resource({"service.name": "material-engine", "host": "a", "cpus": 2, "tags": ["x", "y"]}, usual),
            *_resource_cases(),
            ResourceSpans(),
            ResourceSpans(scope_spans=[ScopeSpans()]),
        ]
    )


def _attribute_spans() -> Iterable[Span]:
    doubles = {f"double {number!r}": number for number in _DOUBLES}
    for name, value in {**_SCALARS, **doubles, **_NESTED}.items():
        yield _span(f"attribute: {name}", attributes=_pairs({"value": value}))


def _key_spans() -> Iterable[Span]:
    yield _span("keys: none")
    yield _span("keys: unsorted", attributes=_pairs({"b": 1, "a": 2, "Z": 3, "é": 4, "影": 5, "": 6, "a.b": 7}))
    yield _span("keys: many", attributes=_pairs({f"key-{number * 37 % 64}": number for number in range(64)}))
    twice = [*_pairs({"same": "first"}), *_pairs({"other": 1}), *_pairs({"same": "second"})]
    yield _span("keys: repeated", attributes=twice)
    inner = AnyValue(kvlist_value=KeyValueList(values=twice))
    yield _span("keys: repeated inside a map", attributes=[KeyValue(key="value", value=inner)])
    yield _span("keys: without a value", attributes=[KeyValue(key="value")])


def _shape_spans() -> Iterable[Span]:
    for name, number in Span.SpanKind.items():
        yield _span(f"kind: {name}", kind=number)
    for name, code in Status.StatusCode.items():
        yield _span(f"status: {name}", status=Status(code=code, message=f"message of {name}"))
    odd_kind = _span("kind: unknown")
    odd_kind.MergeFromString(b"\x30\x09")
    yield odd_kind
    odd_status = _span("status: unknown")
    odd_status.status.MergeFromString(b"\x18\x07")
    yield odd_status
    yield _span("parent and state", parent_span_id=b"\xab" * 8, trace_state="vendor=1,other=2", flags=257)
    yield _span("ids: zero", trace_id=bytes(16), span_id=bytes(8), parent_span_id=bytes(8))
    yield _span("ids: absent", trace_id=b"", span_id=b"")
    yield _span("ids: zero ends", trace_id=b"\0\1" + b"\0" * 14, span_id=b"\0" * 7 + b"\1")
    events = [
        Span.Event(time_unix_nano=_START + 1, name="first", attributes=_pairs({**_SCALARS, **_NESTED})),
        Span.Event(name="at no time", dropped_attributes_count=3),
        Span.Event(time_unix_nano=_START + 2, attributes=_pairs({"b": 1, "a": 2.0})),
    ]
    yield _span("events", events=events, dropped_events_count=1)
    links = [
        Span.Link(trace_id=b"\x0f" * 16, span_id=b"\xf0" * 8, trace_state="a=b", attributes=_pairs({"b": [1], "a": 2})),
        Span.Link(trace_id=bytes(16), span_id=bytes(8)),
        Span.Link(),
    ]
    yield _span("links", links=links)


def _time_spans() -> Iterable[Span]:
    yield _span("time: backwards", start_time_unix_nano=_START, end_time_unix_nano=_START - 1)
    yield _span("time: no end", start_time_unix_nano=_START, end_time_unix_nano=0)
    yield _span("time: none", start_time_unix_nano=0, end_time_unix_nano=0)
    yield _span("time: 2262", start_time_unix_nano=2**63 - 1, end_time_unix_nano=2**63 - 1)
    yield _span("time: all bits", start_time_unix_nano=2**64 - 1, end_time_unix_nano=2**64 - 1)


def _resource_cases() -> Iterable[ResourceSpans]:
    def named(name: str) -> ScopeSpans:
        return _scope([_span(f"resource: {name}")], "engine", "")

    yield _resource({}, named("empty"))
    yield _resource({"host": "b"}, named("without service"))
    yield _resource({"service.name": 42}, named("service is a number"))
    yield _resource({"service.name": ""}, named("service is empty"))
    yield _resource({"service.name": "影片 service"}, named("service is wide"))
    yield ResourceSpans(scope_spans=[named("absent")])
    twice = _resource({"service.name": "first"}, named("service twice"))
    twice.resource.attributes.extend(_pairs({"service.name": "second"}))
    yield twice
    yield _resource({"service.name": "x"}, ScopeSpans(spans=[_span("scope: absent")]))
    attributed = _scope([_span("scope: with attributes")], "s", "v")
    attributed.scope.attributes.extend(_pairs({"kept": False}))
    yield _resource({"service.name": "x"}, attributed)


def _resource(attributes: Mapping[str, Value], scope: ScopeSpans) -> ResourceSpans:
    made = ResourceSpans(scope_spans=[scope], schema_url="urn:resource")
    made.resource.SetInParent()
    made.resource.attributes.extend(_pairs(attributes))
    return made


def _scope(spans: Iterable[Span], name: str, version: str) -> ScopeSpans:
    made = ScopeSpans(spans=spans, schema_url="urn:scope")
    made.scope.name = name
    made.scope.version = version
    return made


def _span(name: str, **fields: object) -> Span:
    usual: dict[str, object] = {
        "trace_id": bytes(range(16)),
        "span_id": b"\xde\xad\xbe\xef\0\1\2\3",
        "start_time_unix_nano": _START,
        "end_time_unix_nano": _START + 1_500_000_001,
    }
    span = Span(name=name)
    for field, value in (usual | fields).items():
        target = getattr(span, field)
        if isinstance(value, Status):
            target.CopyFrom(value)
        elif isinstance(value, list):
            target.extend(value)
        else:
            setattr(span, field, value)
    return span


def _pairs(values: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any(value)) for key, value in values.items()]


def _any(value: Value) -> AnyValue:  # noqa: PLR0911 - one result a kind of value
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case str():
            return AnyValue(string_value=value)
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=_pairs(value)))
        case _:
            return AnyValue(array_value=ArrayValue(values=map(_any, value)))

"""The one SELECT that turns a segment of OTLP requests into rows of ``otel_traces``.

Values come out as the OpenTelemetry Collector's clickhouseexporter writes them: identifiers in lower-case hex, empty
where all zero; attributes as text, keys sorted; doubles in Go's notation; arrays and maps as compact JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from spanledger_clickhouse.literals import text_literal
from spanledger_collector.nested_values import JSON_ARRAY_FUNCTION, JSON_MAP_FUNCTION

__all__ = ["COLUMNS", "READ_SETTINGS", "select_rows"]

COLUMNS: Final = (
    "Timestamp",
    "TraceId",
    "SpanId",
    "ParentSpanId",
    "TraceState",
    "SpanName",
    "SpanKind",
    "ServiceName",
    "ResourceAttributes",
    "ScopeName",
    "ScopeVersion",
    "SpanAttributes",
    "Duration",
    "StatusCode",
    "StatusMessage",
    "Events.Timestamp",
    "Events.Name",
    "Events.Attributes",
    "Links.TraceId",
    "Links.SpanId",
    "Links.TraceState",
    "Links.Attributes",
)
"""The columns of ``otel_traces``, in the order of the SELECT."""

READ_SETTINGS: Final = {
    # A file, not its text: for a text the engine writes a cache into the working directory.
    "format_schema": f"{Path(__file__).with_name('otlp.proto')}:ExportTraceServiceRequest",
    # A file that is read whole, and views that take what is handed to them, leave a plan nothing to better; to look for
    # it in every load takes the time of a thousand spans.
    "query_plan_enable_optimizations": "0",
}
"""Settings that tell ClickHouse how a segment is laid out, and that it is to be read as the SELECT stands."""

_ANY_VALUE = (
    "Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), "
    "double_value Nullable(Float64), array_value Nullable(String), kvlist_value Nullable(String), "
    "bytes_value Nullable(String))"
)
_ATTRIBUTES = f"Array(Tuple(key String, value {_ANY_VALUE}))"
_EVENT = f"Tuple(time_unix_nano UInt64, name String, attributes {_ATTRIBUTES})"
_LINK = f"Tuple(trace_id String, span_id String, trace_state String, attributes {_ATTRIBUTES})"
_SPAN = (
    "Tuple(trace_id String, span_id String, trace_state String, parent_span_id String, name String, kind Int32, "
    f"start_time_unix_nano UInt64, end_time_unix_nano UInt64, attributes {_ATTRIBUTES}, events Array({_EVENT}), "
    f"links Array({_LINK}), status Tuple(message String, code Int32))"
)
_SCOPE_SPANS = f"Tuple(scope Tuple(name String, version String), spans Array({_SPAN}))"
_STRUCTURE = f"resource_spans Array(Tuple(resource Tuple(attributes {_ATTRIBUTES}), scope_spans Array({_SCOPE_SPANS})))"

_DOUBLE = (
    # Go writes exponents with a sign, and the exporter writes out what is no number.
    "replaceOne(replaceOne(replaceRegexpOne(toString(v.double_value), 'e(\\\\d)', 'e+\\\\1'), 'nan', 'NaN'), "
    "'inf', 'Infinity')"
)
_TEXT = (
    # The first that is there; each function passes an absent value on, which is twice as quick as asking beforehand.
    f"coalesce(v.string_value, toString(v.int_value), toString(v.bool_value), {_DOUBLE}, "
    f"{JSON_ARRAY_FUNCTION}(base64Encode(v.array_value)), {JSON_MAP_FUNCTION}(base64Encode(v.kvlist_value)), "
    "base64Encode(v.bytes_value), '')"
)


def _map(attributes: str) -> str:
    """SQL of a sorted map of text made of a list of OTLP attributes."""
    return f"mapSort(mapFromArrays({attributes}.key, arrayMap(v -> {_TEXT}, {attributes}.value)))"


def _hex(identifier: str) -> str:
    """SQL of an identifier in hex, empty where every byte is zero."""
    return f"if(trimLeft({identifier}, '\\0') = '', '', lower(hex({identifier})))"


_KIND = "arrayElement(['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'], s.kind + 1)"
_STATUS = "arrayElement(['Unset', 'Ok', 'Error'], s.status.code + 1)"
_SELECT = f"""
SELECT
    fromUnixTimestamp64Nano(reinterpretAsInt64(s.start_time_unix_nano)) AS Timestamp,
    {_hex("s.trace_id")} AS TraceId,
    {_hex("s.span_id")} AS SpanId,
    {_hex("s.parent_span_id")} AS ParentSpanId,
    s.trace_state AS TraceState,
    s.name AS SpanName,
    {_KIND} AS SpanKind,
    resource_map['service.name'] AS ServiceName,
    resource_map AS ResourceAttributes,
    scope.name AS ScopeName,
    scope.version AS ScopeVersion,
    {_map("s.attributes")} AS SpanAttributes,
    s.end_time_unix_nano - s.start_time_unix_nano AS Duration,
    {_STATUS} AS StatusCode,
    s.status.message AS StatusMessage,
    arrayMap(t -> fromUnixTimestamp64Nano(reinterpretAsInt64(t)), s.events.time_unix_nano) AS `Events.Timestamp`,
    s.events.name AS `Events.Name`,
    arrayMap(e -> {_map("e")}, s.events.attributes) AS `Events.Attributes`,
    arrayMap(i -> {_hex("i")}, s.links.trace_id) AS `Links.TraceId`,
    arrayMap(i -> {_hex("i")}, s.links.span_id) AS `Links.SpanId`,
    s.links.trace_state AS `Links.TraceState`,
    arrayMap(l -> {_map("l")}, s.links.attributes) AS `Links.Attributes`
FROM
(
    SELECT resource_map, scope_spans.scope AS scope, arrayJoin(scope_spans.spans) AS s
    FROM
    (
        SELECT {_map("r.resource.attributes")} AS resource_map, arrayJoin(r.scope_spans) AS scope_spans
        FROM (SELECT arrayJoin(resource_spans) AS r FROM file(%s, 'Protobuf', '{_STRUCTURE}'))
    )
)
"""  # noqa: S608 - made of the constants above; the one value is the collector's own file name


def select_rows(segment: str) -> str:
    """SQL that reads every span of a segment file, one row a span.

    Args:
        segment: Path of a file of length-delimited requests. It is the collector's own name, never a sender's.
    """
    return _SELECT.replace("%s", text_literal(segment), 1)

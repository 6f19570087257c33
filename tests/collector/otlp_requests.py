"""OTLP requests for tests, built with the protocol's own classes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    AttributeValue = str | int | float | bool


def set_attributes(target: RepeatedCompositeFieldContainer[KeyValue], values: Mapping[str, AttributeValue]) -> None:
    """Append attributes to a repeated ``KeyValue`` field."""
    for key, value in values.items():
        pair = target.add()
        pair.key = key
        match value:
            case bool():
                pair.value.bool_value = value
            case str():
                pair.value.string_value = value
            case int():
                pair.value.int_value = value
            case float():
                pair.value.double_value = value


def request_of(*spans: Mapping[str, AttributeValue], service: str = "engine") -> ExportTraceServiceRequest:
    """One request with a span of random identity for each mapping of attributes."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    set_attributes(resource_spans.resource.attributes, {"service.name": service})
    scope_spans = resource_spans.scope_spans.add()
    for attributes in spans:
        span = scope_spans.spans.add()
        span.trace_id = os.urandom(16)
        span.span_id = os.urandom(8)
        span.name = "paid call"
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 1_500_000
        set_attributes(span.attributes, attributes)
    return request


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    """Every span of a request."""
    return [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]


def paid(total_cost: str = "0.06", **attributes: str) -> dict[str, str]:
    """Attributes of a cost record with a stated total."""
    return {
        "cost.service": "openai",
        "cost.operation": "chat",
        "cost.total_cost": total_cost,
        "user.id": "user-123",
        **attributes,
    }

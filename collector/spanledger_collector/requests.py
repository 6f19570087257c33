"""OTLP trace export requests: whether bytes are one, and the same one in other forms."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger.exceptions import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["canonical", "from_json", "validate"]

_IDENTIFIERS: Final = ("traceId", "spanId", "parentSpanId")


def validate(body: bytes) -> int:
    """Check that a body is an OTLP trace export request in protobuf, UTF-8 included.

    Returns:
        How many spans it carries.

    Raises:
        InvalidRequestError: It is not.
    """
    request = _parse(body)
    return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


def canonical(body: bytes) -> bytes:
    """The same request without unknown fields and with every field of its declared wire type.

    Raises:
        InvalidRequestError: The body is no request.
    """
    request = _parse(body)
    request.DiscardUnknownFields()
    return request.SerializeToString()


def from_json(body: bytes) -> bytes:
    """The same request in protobuf, given in OTLP's JSON.

    OTLP differs from protobuf's own JSON mapping in one thing: identifiers are in hex (OTLP specification 1.x, "JSON
    Protobuf Encoding"). Unknown fields are skipped; integers may be numbers or strings; enumerations are integers.

    Raises:
        InvalidRequestError: The body is no JSON, or not that of a request.
    """
    try:
        document: Any = json.loads(body)
        for part in _parts_with_identifiers(document):
            _identifiers_to_base64(part)
        request = json_format.ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ValueError, TypeError, AttributeError, RecursionError, json_format.ParseError) as error:
        message = f"The body is not an OTLP ExportTraceServiceRequest in JSON: {error}."
        raise InvalidRequestError(message) from error
    return request.SerializeToString()


def _parse(body: bytes) -> ExportTraceServiceRequest:
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        message = f"The body is not an OTLP ExportTraceServiceRequest in protobuf: {error}."
        raise InvalidRequestError(message) from error


def _parts_with_identifiers(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every span and every link of a request in JSON."""
    for resource_spans in document.get("resourceSpans") or ():
        for scope_spans in resource_spans.get("scopeSpans") or ():
            for span in scope_spans.get("spans") or ():
                yield span
                yield from span.get("links") or ()


def _identifiers_to_base64(part: dict[str, Any]) -> None:
    for name in _IDENTIFIERS:
        if text := part.get(name):
            try:
                part[name] = base64.b64encode(binascii.unhexlify(text)).decode()
            except binascii.Error as error:
                message = f"{name} {text!r} is not hexadecimal"
                raise ValueError(message) from error

"""Reading what a sender sent: compression and validity, before anything is kept."""

from __future__ import annotations

import zlib
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger.exceptions import InvalidRequestError

__all__ = ["DEFAULT_BODY_LIMIT", "BodyTooLargeError", "canonical", "decompress", "validate"]

DEFAULT_BODY_LIMIT: Final = 20 * 1024**2
"""Bytes of one request, before and after decompression; what the OpenTelemetry Collector takes by default."""

_CHUNK: Final = 1024**2


class BodyTooLargeError(InvalidRequestError):
    """A request is longer than the receiver takes; the sender must split it."""


def decompress(body: bytes, encoding: str, limit: int = DEFAULT_BODY_LIMIT) -> bytes:
    """Undo a request's ``Content-Encoding``.

    Args:
        body: What came over the wire.
        encoding: The header's value; empty and ``identity`` mean none.
        limit: Most bytes to produce; a small body that would become a huge one is refused before it does.

    Raises:
        InvalidRequestError: The encoding is unknown, or the body is not of that encoding.
        BodyTooLargeError: The result would be longer than the limit.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip":
            return _inflate(body, zlib.MAX_WBITS | 16, "gzip", limit)
        case "deflate":
            return _inflate(body, zlib.MAX_WBITS, "deflate", limit)
        case unknown:
            message = f"Content-Encoding {unknown!r} is not supported; use gzip, deflate or none."
            raise InvalidRequestError(message, parameter="Content-Encoding")


def validate(body: bytes) -> None:
    """Check that a body is an OTLP trace export request, UTF-8 included.

    Raises:
        InvalidRequestError: It is not.
    """
    _parse(body)


def canonical(body: bytes) -> bytes:
    """The same request without unknown fields and with every field of its declared wire type.

    Raises:
        InvalidRequestError: The body is no request.
    """
    request = _parse(body)
    request.DiscardUnknownFields()
    return request.SerializeToString()


def _parse(body: bytes) -> ExportTraceServiceRequest:
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        message = f"The body is not an OTLP ExportTraceServiceRequest in protobuf: {error}."
        raise InvalidRequestError(message) from error


def _inflate(body: bytes, window: int, name: str, limit: int) -> bytes:
    """Decompress every member of a zlib stream, a bounded piece at a time."""
    output = bytearray()
    rest = body
    try:
        while rest:
            member = zlib.decompressobj(window)
            while not member.eof and rest:
                output += member.decompress(rest, _CHUNK)
                rest = member.unconsumed_tail
                if len(output) > limit:
                    message = f"The body is longer than {limit} bytes once decompressed; send smaller batches."
                    raise BodyTooLargeError(message)
            if not member.eof:
                message = f"The body ends in the middle of its {name} stream."
                raise InvalidRequestError(message)
            rest = member.unused_data
    except zlib.error as error:
        message = f"The body is not {name}: {error}."
        raise InvalidRequestError(message) from error
    return bytes(output)

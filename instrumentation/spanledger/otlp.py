"""The OTLP exporter that the environment asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from spanledger import environment
from spanledger.exceptions import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["otlp_exporter"]

_TRACES_PATH = "/v1/traces"


def otlp_exporter(endpoint: str | None = None) -> SpanExporter:
    """An exporter for the protocol in ``OTEL_EXPORTER_OTLP_PROTOCOL``: ``http/protobuf`` (default) or ``grpc``.

    Args:
        endpoint: Base address of the collector, without TLS if it names no scheme; None takes
            ``OTEL_EXPORTER_OTLP_ENDPOINT``, else the default of OTLP.

    Raises:
        ConfigurationError: The protocol is unknown, or its exporter is not installed.
    """
    if endpoint is not None and "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    protocol = os.environ.get(environment.OTLP_PROTOCOL, "").strip() or "http/protobuf"
    if protocol == "grpc":
        return _grpc_exporter(endpoint)
    if protocol != "http/protobuf":
        message = f"{environment.OTLP_PROTOCOL} is {protocol!r}; use http/protobuf or grpc"
        raise ConfigurationError(message)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - not for grpc

    return OTLPSpanExporter(
        None if endpoint is None else endpoint.rstrip("/").removesuffix(_TRACES_PATH) + _TRACES_PATH
    )


def _grpc_exporter(endpoint: str | None) -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
    except ImportError as error:
        message = f"{environment.OTLP_PROTOCOL}=grpc needs its exporter: pip install 'spanledger[engine]'"
        raise ConfigurationError(message) from error
    return OTLPSpanExporter(endpoint)

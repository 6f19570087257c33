"""Metrics and logs: not kept, and said so politely, since default exporters send them all the same.

The answer is the specified one for data that is not taken: success with a count of what was rejected and why. Senders
log that once and go on; an error would make them retry or fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from spanledger.exceptions import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

__all__ = ["LOGS", "METRICS", "OtherSignal"]

_KINDS: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


@dataclass(frozen=True, slots=True)
class OtherSignal:
    """A signal that is answered but not kept.

    Attributes:
        path: Where its requests go over HTTP.
        service: Its gRPC service.
        answer: From a request in protobuf to the response that rejects its content.
        answer_json: From a request in JSON to the response; what was rejected is not counted there.
    """

    path: str
    service: str
    answer: Callable[[bytes], Message]
    answer_json: Callable[[], Message]


def _rejected_metrics(body: bytes) -> Message:
    request = ExportMetricsServiceRequest()
    _parse_into(request, body)
    points = sum(
        len(getattr(metric, kind).data_points)
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for kind in _KINDS
        if metric.HasField(kind)
    )
    return _metrics_response(points)


def _metrics_response(points: int = 0) -> Message:
    response = ExportMetricsServiceResponse()
    response.partial_success.rejected_data_points = points
    response.partial_success.error_message = "Spanledger keeps traces only; set OTEL_METRICS_EXPORTER=none."
    return response


def _rejected_logs(body: bytes) -> Message:
    request = ExportLogsServiceRequest()
    _parse_into(request, body)
    return _logs_response(
        sum(len(scope.log_records) for resource in request.resource_logs for scope in resource.scope_logs)
    )


def _logs_response(records: int = 0) -> Message:
    response = ExportLogsServiceResponse()
    response.partial_success.rejected_log_records = records
    response.partial_success.error_message = "Spanledger keeps traces only; set OTEL_LOGS_EXPORTER=none."
    return response


def _parse_into(request: Message, body: bytes) -> None:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        message = f"The body is not an OTLP {type(request).__name__} in protobuf: {error}."
        raise InvalidRequestError(message) from error


METRICS: Final = OtherSignal(
    "/v1/metrics",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    _rejected_metrics,
    _metrics_response,
)
LOGS: Final = OtherSignal(
    "/v1/logs", "opentelemetry.proto.collector.logs.v1.LogsService", _rejected_logs, _logs_response
)

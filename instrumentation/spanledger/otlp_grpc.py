"""Delivering OTLP requests over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SpanExportResult

from spanledger.otlp import Answer, Courier, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from spanledger.spool import Parcel

__all__ = ["GrpcCourier"]

PERMANENT: Final = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED})
"""Codes that say something of the request; any other failure may pass."""


class GrpcCourier(Courier):
    """OTLP over gRPC.

    Args:
        endpoint: Base address of the collector.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._exporter = _BytesExporter(endpoint)

    def deliver(self, parcel: Parcel) -> Answer:
        """Send one request once."""
        return self._exporter.deliver(parcel.body)

    def close(self) -> None:
        """Close the channel."""
        self._exporter.shutdown()


class _BytesExporter(OTLPSpanExporter):
    """The exporter for requests that are encoded already, which says why a delivery failed.

    Args:
        endpoint: Base address of the collector.
    """

    def __init__(self, endpoint: str) -> None:
        # It would try again by itself; a code that no failure has leaves that to the outbox.
        self._failures: list[object] = []
        super().__init__(endpoint, retryable_error_codes=[grpc.StatusCode.OK])

    def deliver(self, body: bytes) -> Answer:
        """Send one request once."""
        self._failures.clear()
        request = cast("Sequence[ReadableSpan]", ExportTraceServiceRequest.FromString(body))
        if self.export(request) is SpanExportResult.SUCCESS:
            return Answer(Outcome.DELIVERED)
        codes = [failure.code() for failure in self._failures if isinstance(failure, grpc.Call)]
        permanent = any(code in PERMANENT for code in codes)
        return Answer(Outcome.REFUSED if permanent else Outcome.AWAY, " ".join(map(str, codes)))

    def _translate_data(self, data: Any) -> ExportTraceServiceRequest:  # noqa: ANN401 - a request in place of spans
        assert isinstance(data, ExportTraceServiceRequest)  # noqa: S101 - only `deliver` calls
        return data

    def _count_data(self, data: object) -> int:
        del data
        return 0  # the exporter's own metrics count; ours are elsewhere

    def _initialize_channel_and_stub(self) -> None:
        super()._initialize_channel_and_stub()  # type: ignore[no-untyped-call]  # the exporter leaves it without types
        self._client = _Noting(self._client, self)  # type: ignore[assignment]  # declared as narrow as its default

    def note(self, error: grpc.RpcError) -> None:
        """Remember why the delivery failed."""
        self._failures.append(error)


class _Noting:
    """The exporter's stub; tells the exporter of each failure, which passes on."""

    def __init__(self, stub: Any, exporter: _BytesExporter) -> None:  # noqa: ANN401 - generated without types
        self._stub = stub
        self._exporter = exporter

    def Export(self, **call: Any) -> object:  # noqa: ANN401, N802 - the stub's method
        """Call."""
        try:
            return self._stub.Export(**call)
        except grpc.RpcError as error:
            self._exporter.note(error)
            raise

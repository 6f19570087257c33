"""The OTLP/gRPC port, spoken to by the official exporter and by a bare channel."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spanledger.exceptions import ConfigurationError
from spanledger_collector.grpc_receiver import GrpcReceiver
from spanledger_collector.other_signals import METRICS
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.collector.conftest import RunningCollector

_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def receiver(collector: RunningCollector) -> Iterator[GrpcReceiver]:
    """A gRPC port in front of the collector."""
    receiver = GrpcReceiver(collector.pipeline.intake, "127.0.0.1", 0)
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_the_official_exporter_is_understood(
    collector: RunningCollector, receiver: GrpcReceiver, compression: grpc.Compression
) -> None:
    """The OpenTelemetry SDK's gRPC exporter delivers, with and without compression."""
    exporter = OTLPSpanExporter(endpoint=receiver.address, insecure=True, compression=compression)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer(__name__).start_as_current_span("call", attributes=paid("0.25")):
        pass
    provider.shutdown()
    collector.settle()

    assert collector.ledger.query("SELECT sum(total_cost) AS total FROM cost_records") == [{"total": Decimal("0.25")}]


def _call(receiver: GrpcReceiver, body: bytes) -> bytes:
    with grpc.insecure_channel(receiver.address) as channel:
        export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_EXPORT)
        return export(body, timeout=10)


def test_a_malformed_body_is_named(receiver: GrpcReceiver) -> None:
    """INVALID_ARGUMENT says not to send it again; the next request is taken."""
    with pytest.raises(grpc.RpcError) as caught:
        _call(receiver, b"\x0a\xff\xff\xff\xffjunk")

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert _call(receiver, request_of(paid()).SerializeToString()) == b""


def test_a_stopping_collector_asks_to_try_again(collector: RunningCollector, receiver: GrpcReceiver) -> None:
    """UNAVAILABLE keeps the batch with the sender."""
    collector.pipeline.log.stop()

    with pytest.raises(grpc.RpcError) as caught:
        _call(receiver, request_of(paid()).SerializeToString())

    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_metrics_are_declined_politely(receiver: GrpcReceiver) -> None:
    """A metrics exporter gets success with the count of what is not kept."""
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.add().gauge.data_points.add()
    with grpc.insecure_channel(receiver.address) as channel:
        export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{METRICS.service}/Export")
        answer = ExportMetricsServiceResponse.FromString(export(request.SerializeToString(), timeout=10))

    assert answer.partial_success.rejected_data_points == 1


def test_a_taken_port_is_refused(collector: RunningCollector, receiver: GrpcReceiver) -> None:
    """A port that something listens on is an error at the start, not half of the requests for each."""
    with pytest.raises(ConfigurationError, match=str(receiver.port)):
        GrpcReceiver(collector.pipeline.intake, "127.0.0.1", receiver.port)

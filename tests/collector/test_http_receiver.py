"""The OTLP/HTTP port: what it takes, what it refuses, and that what it took is in the ledger once."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest
from backports import zstd
from google.rpc.code_pb2 import INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spanledger_collector.compression import DEFAULT_BODY_LIMIT
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger
    from tests.collector.conftest import RunningCollector


def _total(ledger: Ledger) -> tuple[object, object]:
    [row] = ledger.query("SELECT count() AS records, sum(total_cost) AS total FROM cost_records")
    return row["records"], row["total"]


def test_an_accepted_request_is_in_the_ledger(collector: RunningCollector) -> None:
    """The answer is an empty response message, and the records follow."""
    answer = collector.post(request_of(paid("0.1"), paid("0.000000000001")).SerializeToString())
    collector.settle()

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert _total(collector.ledger) == (2, Decimal("0.100000000001"))


def test_twice_counts_once(collector: RunningCollector) -> None:
    """The same spans in the same batch, in other batches and in another order change no total."""
    first, second = request_of(paid("0.1"), paid("0.2")), request_of(paid("0.3"))
    mixed = request_of()
    mixed.MergeFrom(second)
    mixed.MergeFrom(first)
    for request in (first, second, first, mixed):
        assert collector.post(request.SerializeToString()).status_code == 200
        collector.settle()

    assert _total(collector.ledger) == (3, Decimal("0.6"))


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_the_official_exporter_is_understood(collector: RunningCollector, compression: Compression) -> None:
    """The OpenTelemetry SDK's own exporter delivers, with each compression it has."""
    exporter = OTLPSpanExporter(endpoint=f"{collector.url}/v1/traces", compression=compression)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer(__name__).start_as_current_span("call", attributes=paid("0.25")):
        pass
    provider.shutdown()
    collector.settle()

    assert _total(collector.ledger) == (1, Decimal("0.25"))


def test_both_spellings_of_the_path_are_taken(collector: RunningCollector) -> None:
    """A slash at the end is no redirect: exporters take a redirect for a success."""
    body = request_of(paid()).SerializeToString()
    headers = {"content-type": "application/x-protobuf"}

    assert httpx.post(f"{collector.url}/v1/traces/", content=body, headers=headers).status_code == 200


def test_a_malformed_body_harms_nothing(collector: RunningCollector) -> None:
    """What is no request gets 400 with a reason; requests before, beside and after it are kept."""
    collector.post(request_of(paid("0.1")).SerializeToString())
    refused = collector.post(b"\x0a\xff\xff\xff\xffjunk")
    collector.post(request_of(paid("0.2")).SerializeToString())
    collector.settle()

    status = Status.FromString(refused.content)
    assert refused.status_code == 400
    assert status.code == INVALID_ARGUMENT
    assert "ExportTraceServiceRequest" in status.message
    assert _total(collector.ledger) == (2, Decimal("0.3"))


def test_what_is_not_taken_is_named(collector: RunningCollector) -> None:
    """Other paths, methods, types and encodings get the code and the words that say so."""
    body = request_of(paid()).SerializeToString()

    assert httpx.post(f"{collector.url}/v1/spans", content=body).status_code == 404
    assert httpx.get(f"{collector.url}/v1/traces").status_code == 405
    assert collector.post(body, content_type="text/plain").status_code == 415
    assert collector.post(body, content_encoding="br").status_code == 415
    assert collector.post(body, content_encoding="gzip").status_code == 400


def test_a_long_body_is_refused_on_either_side_of_its_compression(collector: RunningCollector) -> None:
    """413 for a body over the limit, whether it is sent that long or would become so."""
    long = b"\0" * (DEFAULT_BODY_LIMIT + 1)

    for answer in (collector.post(long), collector.post(gzip.compress(long), content_encoding="gzip")):
        assert answer.status_code == 413
        assert Status.FromString(answer.content).code == RESOURCE_EXHAUSTED


def test_a_stopping_collector_asks_to_try_again(collector: RunningCollector) -> None:
    """503 with Retry-After keeps the batch with the sender."""
    collector.pipeline.log.stop()
    answer = collector.post(request_of(paid()).SerializeToString())

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert Status.FromString(answer.content).code == UNAVAILABLE


def test_json_is_understood(collector: RunningCollector) -> None:
    """A request as the JavaScript SDK writes it: hex identifiers, integer enumerations, unknown fields, in chunks."""
    document = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
                "scopeSpans": [
                    {
                        "scope": {"name": "browser"},
                        "spans": [
                            {
                                "traceId": "5B8EFFF798038103D269B633813FC60C",
                                "spanId": "eee19b7ec3c1b174",
                                "parentSpanId": "",
                                "name": "call",
                                "kind": 3,
                                "startTimeUnixNano": "1795355163607000001",
                                "endTimeUnixNano": 1795355163608000001,
                                "attributes": [
                                    {"key": "cost.service", "value": {"stringValue": "openai"}},
                                    {"key": "cost.total_cost", "value": {"doubleValue": 0.125}},
                                    {"key": "count", "value": {"intValue": "9007199254740993"}},
                                    {"key": "other", "value": {"intValue": 7}},
                                ],
                                "links": [
                                    {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b175"}
                                ],
                                "status": {"code": 2, "message": "broken"},
                                "flags": 257,
                                "notYetSpecified": {"deep": [1]},
                            }
                        ],
                    }
                ],
            }
        ]
    }
    whole = gzip.compress(json.dumps(document).encode())

    def chunks() -> Iterator[bytes]:
        yield whole[:20]
        yield whole[20:]

    headers = {"content-type": "application/json; charset=utf-8", "content-encoding": "gzip"}
    answer = httpx.post(f"{collector.url}/v1/traces", content=chunks(), headers=headers)
    collector.settle()

    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, "application/json", {})
    [span] = collector.ledger.query("SELECT * FROM otel_traces")
    assert span["TraceId"] == "5b8efff798038103d269b633813fc60c"
    assert (span["SpanKind"], span["StatusCode"], span["StatusMessage"]) == ("Client", "Error", "broken")
    assert span["SpanAttributes"] == {
        "cost.service": "openai",
        "cost.total_cost": "0.125",
        "count": "9007199254740993",
        "other": "7",
    }
    assert span["Links.SpanId"] == ["eee19b7ec3c1b175"]
    assert _total(collector.ledger) == (1, Decimal("0.125"))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"resourceSpans": 5}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "soon"}]}]}]}',
    ],
)
def test_malformed_json_is_answered_in_json(collector: RunningCollector, body: bytes) -> None:
    """400 with the status as JSON, since the sender reads JSON."""
    answer = collector.post(body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["code"] == INVALID_ARGUMENT
    assert "ExportTraceServiceRequest in JSON" in answer.json()["message"]


def test_zstd_is_undone(collector: RunningCollector) -> None:
    """A body in several zstd frames is one request."""
    body = request_of(paid("0.5")).SerializeToString()
    compressed = zstd.compress(body[:40]) + zstd.compress(body[40:])

    assert collector.post(compressed, content_encoding="zstd").status_code == 200
    assert collector.post(compressed[:-3], content_encoding="zstd").status_code == 400
    collector.settle()
    assert _total(collector.ledger) == (1, Decimal("0.5"))


def test_metrics_and_logs_are_declined_politely(collector: RunningCollector) -> None:
    """Default exporters get success with the count and reason of what is not kept, so they neither fail nor retry."""
    metrics = ExportMetricsServiceRequest()
    points = metrics.resource_metrics.add().scope_metrics.add().metrics.add().sum.data_points
    points.add()
    points.add()
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add()
    headers = {"content-type": "application/x-protobuf"}

    of_metrics = httpx.post(f"{collector.url}/v1/metrics", content=metrics.SerializeToString(), headers=headers)
    of_logs = httpx.post(f"{collector.url}/v1/logs", content=logs.SerializeToString(), headers=headers)
    in_json = httpx.post(f"{collector.url}/v1/logs", json={"resourceLogs": []})

    told = ExportMetricsServiceResponse.FromString(of_metrics.content).partial_success
    assert (of_metrics.status_code, told.rejected_data_points) == (200, 2)
    assert "traces only" in told.error_message
    assert ExportLogsServiceResponse.FromString(of_logs.content).partial_success.rejected_log_records == 1
    assert "traces only" in in_json.json()["partialSuccess"]["errorMessage"]


def test_metrics_tell_what_happened(collector: RunningCollector) -> None:
    """/metrics counts received, acknowledged and refused requests, and what waits."""
    body = request_of(paid(), paid()).SerializeToString()
    collector.post(body)
    collector.settle()
    collector.post(body)
    collector.post(b"junk")
    collector.settle()

    lines = httpx.get(f"{collector.url}/metrics").text.splitlines()
    assert "spanledger_collector_requests_received_total 3.0" in lines
    assert "spanledger_collector_requests_acknowledged_total 2.0" in lines
    assert "spanledger_collector_requests_repeated_total 1.0" in lines
    assert "spanledger_collector_spans_acknowledged_total 4.0" in lines
    assert 'spanledger_collector_requests_refused_total{reason="malformed"} 1.0' in lines
    assert "spanledger_collector_segments_loaded_total 2.0" in lines
    assert "spanledger_collector_segment_bytes 0.0" in lines
    assert "spanledger_collector_lag_seconds 0.0" in lines

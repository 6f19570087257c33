"""How often a key may send spans: real exporters that are told to wait send again, and nothing is lost or doubled."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spanledger.exceptions import ConfigurationError, RateLimitedError
from spanledger_api.access import Role
from spanledger_api.access.gate import Gate, open_gate
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import NewKey, issue_key
from spanledger_api.access.sending_rate import SendingRate
from spanledger_api.serving import serve_collector
from tests.api.access.conftest import bearer
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from opentelemetry.sdk.trace.export import SpanExporter

    from spanledger_clickhouse.ledger import Ledger

_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(1, 5000), st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_no_minute_has_more_than_it_may(per_minute: int, pauses: list[float]) -> None:
    """Whatever the pauses, in any span of time only its share and what may come at once gets through."""
    clock = _Clock()
    rate = SendingRate(per_minute, at_once_seconds=10, clock=clock)
    passed: list[float] = []
    waits: list[int] = []
    for pause in pauses:
        clock.now += pause
        try:
            rate.take("k")
        except RateLimitedError as error:
            waits.append(error.retry_after)
        else:
            passed.append(clock.now)
    assert all(1 <= wait <= max(1, 60 / per_minute + 1) for wait in waits)
    for first, begin in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert count <= (end - begin + 10) * per_minute / 60 + 1 + 1e-6


def test_who_waits_as_told_gets_through() -> None:
    """After the time that the refusal names the same key passes, and others never had to wait."""
    clock = _Clock()
    rate = SendingRate(6, at_once_seconds=0, clock=clock)
    rate.take("k")
    with pytest.raises(RateLimitedError) as refusal:
        rate.take("k")
    rate.take("other")
    clock.now += refusal.value.retry_after

    rate.take("k")


def _export(provider: TracerProvider) -> None:
    for name in ("first", "second"):
        provider.get_tracer("engine").start_span(name, attributes=paid()).end()


def _provider(exporter: SpanExporter) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    # Each span is a request of its own, sent before the next.
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def test_exporters_send_again_what_was_limited(ledger: Ledger, tmp_path: Path) -> None:
    """Both of OpenTelemetry's exporters are told to wait, wait, and every span arrives, once."""
    keys = [issue_key(ledger, NewKey(name=name, role=Role.INGEST), "test")[0] for name in ("http", "grpc")]
    with ExitStack() as running:
        gate = running.enter_context(Gate(KeyRing(ledger), sending=SendingRate(60, at_once_seconds=0)))
        with ExitStack() as collecting:
            ports = serve_collector(collecting, ledger, "127.0.0.1", 0, 0, tmp_path, gate=gate)
            providers = [
                _provider(HttpExporter(f"{ports['otlp_http']}/v1/traces", headers=bearer(keys[0]))),
                _provider(
                    GrpcExporter(ports["otlp_grpc"], insecure=True, headers={"authorization": f"Bearer {keys[1]}"})
                ),
            ]
            began = time.monotonic()
            senders = [threading.Thread(target=_export, args=(each,)) for each in providers]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            took = time.monotonic() - began
            for provider in providers:
                provider.shutdown()
        counted = {
            sample.labels["port"]: sample.value
            for metric in gate.registry.collect()
            for sample in metric.samples
            if sample.name == "spanledger_requests_limited_total"
        }

    assert 0.9 < took < 8
    assert counted["otlp"] >= 2
    assert ledger.query("SELECT count() AS n, uniqExact(SpanId) AS u FROM otel_traces") == [{"n": 4, "u": 4}]
    assert [str(row["total"]) for row in ledger.query("SELECT sum(total_cost) AS total FROM cost_records")] == [
        "0.240000000000"
    ]


def test_a_refusal_says_when_to_send_again(ledger: Ledger, tmp_path: Path) -> None:
    """429 with Retry-After, and RESOURCE_EXHAUSTED with RetryInfo in its status; another key is not held up."""
    mine, other = (issue_key(ledger, NewKey(name="k", role=Role.INGEST), "test")[0] for _ in range(2))
    body = request_of(paid()).SerializeToString()
    protobuf = {"Content-Type": "application/x-protobuf"}
    with ExitStack() as running:
        gate = running.enter_context(Gate(KeyRing(ledger), sending=SendingRate(20, at_once_seconds=0)))
        ports = serve_collector(running, ledger, "127.0.0.1", 0, 0, tmp_path, gate=gate)
        url = f"{ports['otlp_http']}/v1/traces"
        first, again = (httpx.post(url, content=body, headers=bearer(mine) | protobuf) for _ in range(2))
        elsewhere = httpx.post(url, content=body, headers=bearer(other) | protobuf)
        with grpc.insecure_channel(ports["otlp_grpc"]) as channel:
            export = channel.unary_unary(_EXPORT, request_serializer=bytes, response_deserializer=bytes)
            with pytest.raises(grpc.RpcError) as refusal:
                export(body, metadata=(("authorization", f"Bearer {mine}"),))

    assert [answer.status_code for answer in (first, again, elsewhere)] == [200, 429, 200]
    assert 1 <= int(again.headers["retry-after"]) <= 3
    assert Status.FromString(again.content).code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    call = refusal.value
    assert isinstance(call, grpc.Call)
    assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    metadata = dict(cast("Iterable[tuple[str, bytes]]", call.trailing_metadata()))
    status = Status.FromString(metadata["grpc-status-details-bin"])
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    assert 1 <= info.retry_delay.seconds <= 3


def test_while_there_are_no_keys_nobody_is_counted(ledger: Ledger, tmp_path: Path) -> None:
    """A ledger of one machine takes what its engines send."""
    with ExitStack() as running:
        gate = running.enter_context(Gate(KeyRing(ledger), sending=SendingRate(1, at_once_seconds=0)))
        ports = serve_collector(running, ledger, "127.0.0.1", 0, 0, tmp_path, gate=gate)
        body = request_of(paid()).SerializeToString()
        headers = {"Content-Type": "application/x-protobuf"}
        codes = [httpx.post(f"{ports['otlp_http']}/v1/traces", content=body, headers=headers) for _ in range(3)]

    assert [answer.status_code for answer in codes] == [200] * 3


def test_the_rate_comes_from_the_environment(ledger: Ledger) -> None:
    """A number that is none is named at the start."""
    for stated in ("0", "many", "-1"):
        with pytest.raises(ConfigurationError, match="SPANLEDGER_OTLP_REQUESTS_PER_MINUTE"):
            open_gate(ledger, {"SPANLEDGER_OTLP_REQUESTS_PER_MINUTE": stated})

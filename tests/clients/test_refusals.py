"""What real exporters do with our refusals: they come back after "not now" and drop what is wrong, counted by us."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from spanledger_api.http_server import HttpServer
from spanledger_collector.grpc_receiver import GrpcReceiver
from spanledger_collector.http_receiver import HttpReceiver
from spanledger_collector.intake import Refusal
from spanledger_collector.pipeline import Pipeline
from spanledger_collector.segments import SegmentLimits
from tests.clients.lots import SPANS, Lots
from tests.clients.senders import run_javascript, run_python
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from spanledger_clickhouse.ledger import Ledger
    from tests.clients.environments import Environments

_HTTP = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_GRPC = "opentelemetry.exporter.otlp.proto.grpc.trace_exporter"
_SMALL_BODY = 4096
_ROOM = 4 * 1024**2
"""Bytes that may wait: more than all clients send, so that they are refused for what was there before them only."""

_REQUESTS = 6
"""Batches of both lots: two of the first, and two for each delivery of the second."""

Client = Callable[["Environments", Lots, dict[str, str]], str]


def _python(environments: Environments, lots: Lots, variables: dict[str, str]) -> str:
    del environments
    return run_python(sys.executable, _HTTP, lots, variables)


def _python_grpc(environments: Environments, lots: Lots, variables: dict[str, str]) -> str:
    del environments
    return run_python(sys.executable, _GRPC, lots, variables)


def _javascript(environments: Environments, lots: Lots, variables: dict[str, str]) -> str:
    return run_javascript(environments, "@opentelemetry/exporter-trace-otlp-http", lots, variables)


def _javascript_proto(environments: Environments, lots: Lots, variables: dict[str, str]) -> str:
    return run_javascript(environments, "@opentelemetry/exporter-trace-otlp-proto", lots, variables)


@contextmanager
def _collector(ledger: Ledger, limits: SegmentLimits | None = None) -> Generator[Pipeline]:
    """A collector whose loader has not begun: what is acknowledged waits on disk."""
    pipeline = Pipeline(ledger, limits=limits)
    pipeline.log.start()
    yield pipeline
    assert pipeline.stop(timeout=20)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _spent(ledger: Ledger) -> dict[object, tuple[object, object]]:
    rows = ledger.query(
        "SELECT user_id, count() AS records, sum(total_cost) AS total FROM cost_records GROUP BY user_id"
    )
    return {row["user_id"]: (row["records"], row["total"]) for row in rows}


def test_not_now_loses_nothing(ledger: Ledger, environments: Environments) -> None:
    """503 and UNAVAILABLE make exporters come back until there is room; nothing is lost and nothing doubled.

    The JavaScript exporter for gRPC is not among them: it drops whatever it cannot deliver at once.
    """
    clients = {Lots(): client for client in (_python, _python_grpc, _javascript, _javascript_proto)}
    environments.javascript()
    with (
        _collector(ledger, SegmentLimits(pending_bytes=_ROOM)) as pipeline,
        HttpServer(pipeline.http, "127.0.0.1", 0) as http,
        ThreadPoolExecutor(len(clients)) as pool,
    ):
        grpc = GrpcReceiver(pipeline.intake, "127.0.0.1", 0)
        grpc.start()
        pipeline.intake.submit(request_of(paid("1", filler="x" * _ROOM)).SerializeToString()).result(10)
        sent = [
            pool.submit(client, environments, lots, {"OTEL_EXPORTER_OTLP_ENDPOINT": address})
            for lots, client in clients.items()
            for address in [f"http://{grpc.address}" if "grpc" in client.__name__ else http.url]
        ]
        _wait_for(lambda: pipeline.intake.refused[Refusal.OVERLOADED] >= len(clients))
        pipeline.loader.start()
        assert [done.result() for done in sent]
        grpc.stop()

    spent = _spent(ledger)
    assert [spent[user] for lots in clients for user in (lots.once, lots.twice)] == [
        (SPANS, lots.total) for lots in clients for _ in range(2)
    ]
    assert pipeline.intake.acknowledged == len(clients) * _REQUESTS + 1


@pytest.mark.parametrize("client", [_python, _javascript, _javascript_proto])
def test_what_is_wrong_is_sent_once_and_counted(ledger: Ledger, environments: Environments, client: Client) -> None:
    """A body that is not what its header says gets 400; the exporter drops it, and our metrics tell."""
    with _collector(ledger) as pipeline, HttpServer(pipeline.http, "127.0.0.1", 0) as http:
        pipeline.loader.start()
        claim = {"OTEL_EXPORTER_OTLP_HEADERS": "content-encoding=gzip"}
        client(environments, Lots(), claim | {"OTEL_EXPORTER_OTLP_ENDPOINT": http.url})

        assert pipeline.intake.refused == {Refusal.MALFORMED: _REQUESTS}
        exposed = pipeline.exposition.text().decode()
        assert f'spanledger_collector_requests_refused_total{{reason="malformed"}} {_REQUESTS}.0' in exposed
        assert pipeline.intake.acknowledged == 0


@pytest.mark.parametrize("client", [_python, _javascript, _javascript_proto])
def test_a_batch_over_the_limit_is_sent_once_and_counted(
    ledger: Ledger, environments: Environments, client: Client
) -> None:
    """413, announced length or chunks: the exporter drops the batch instead of sending it for ever."""
    with _collector(ledger) as pipeline:
        pipeline.loader.start()
        small = HttpReceiver(pipeline.intake, pipeline.exposition.text, body_limit=_SMALL_BODY)
        with HttpServer(small, "127.0.0.1", 0) as http:
            client(environments, Lots(), {"OTEL_EXPORTER_OTLP_ENDPOINT": http.url})

        assert pipeline.intake.refused == {Refusal.TOO_LARGE: _REQUESTS}


@pytest.mark.parametrize("client", [_python, _javascript])
def test_a_slash_too_many_is_no_redirect(ledger: Ledger, environments: Environments, client: Client) -> None:
    """Exporters take a redirect for success or for an error and lose the batch; the path is taken with a slash too."""
    lots = Lots()
    with _collector(ledger) as pipeline, HttpServer(pipeline.http, "127.0.0.1", 0) as http:
        pipeline.loader.start()
        client(environments, lots, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{http.url}/v1/traces/"})
        assert pipeline.intake.acknowledged == _REQUESTS

    assert _spent(ledger) == dict.fromkeys((lots.once, lots.twice), (SPANS, lots.total))

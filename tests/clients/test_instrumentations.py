"""Calls that other instrumentations describe become one record each, with the vendor's price, however they arrive."""

from __future__ import annotations

import os
import random
import uuid
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger_api.http_server import HttpServer
from tests.clients.instrumentations import CALLS, WATCHES, Watch, call_openai, total_cost
from tests.clients.openai_interface import openai_interface
from tests.clients.recorder import Recorder
from tests.collector.otlp_requests import request_of, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.clients.conftest import Product
    from tests.clients.environments import Environments


@pytest.fixture(scope="session")
def openai() -> Iterator[str]:
    """Base address of the loopback OpenAI."""
    with HttpServer(openai_interface(), "127.0.0.1", 0) as server:
        yield server.url


@pytest.fixture(autouse=True)
def _begun(environments: Environments) -> None:
    environments.begin("genai_openai", "together", "openinference", "traceloop", "logfire")


def _rated(product: Product) -> None:
    """Wait until the rater has decided about everything that has arrived so far."""
    product.settle()
    probe = f"probe-{uuid.uuid4().hex}"
    usage = {"gen_ai.request.model": "gpt-4", "gen_ai.usage.input_tokens": "1", "user.id": probe}
    assert product.post(request_of(usage).SerializeToString())
    product.running.wait_for(lambda: product.spent_by(probe)[0] == 1)


@pytest.mark.parametrize("watch", WATCHES, ids=lambda watch: watch.label)
def test_each_call_is_one_record(product: Product, environments: Environments, openai: str, watch: Watch) -> None:
    """Whoever watches, alone or beside another, four calls are four records of the right amount."""
    user = uuid.uuid4().hex
    call_openai(watch, environments, product.running.otlp, openai, user)
    _rated(product)

    assert product.spent_by(user) == (CALLS, total_cost())


def _as_it_was(spans: list[bytes]) -> list[bytes]:
    return spans


def _parents_first(spans: list[bytes]) -> list[bytes]:
    return spans[::-1]


def _shuffled(spans: list[bytes]) -> list[bytes]:
    return random.Random(spans[0]).sample(spans, len(spans))  # noqa: S311 - not a secret


@pytest.fixture(scope="session")
def recorded(environments: Environments, openai: str) -> dict[Watch, list[bytes]]:
    """What each pair of instrumentations inside an agent exports."""
    exported: dict[Watch, list[bytes]] = {}
    for watch in (watch for watch in WATCHES if watch.agent and len(watch.names) > 1):
        with Recorder() as recorder:
            call_openai(watch, environments, recorder.url, openai, "nobody")
        exported[watch] = recorder.bodies
    return exported


@pytest.mark.parametrize("order", [_as_it_was, _parents_first, _shuffled])
def test_the_order_of_arrival_does_not_matter(
    product: Product, recorded: dict[Watch, list[bytes]], order: Callable[[list[bytes]], list[bytes]]
) -> None:
    """Spans of a trace that come apart, rated in between, end as the same records whatever comes first."""
    users = {uuid.uuid4().hex: bodies for bodies in recorded.values()}
    spans = [order(_of_another_user(bodies, user)) for user, bodies in users.items()]
    for half in (slice(None, CALLS), slice(CALLS, None)):
        assert product.post(b"".join(body for bodies in spans for body in bodies[half]))
        _rated(product)

    assert [product.spent_by(user) for user in users] == [(CALLS, total_cost())] * len(recorded)


def _of_another_user(bodies: list[bytes], user: str) -> list[bytes]:
    """One request for each span of some requests, as if another user had made the same calls.

    Requests in protobuf that follow each other are one request.
    """
    traces: dict[bytes, bytes] = {}
    requests: list[bytes] = []
    for span in [span for body in bodies for span in spans_of(ExportTraceServiceRequest.FromString(body))]:
        span.trace_id = traces.setdefault(span.trace_id, os.urandom(16))
        for attribute in span.attributes:
            if attribute.key == "user.id":
                attribute.value.string_value = user
            elif attribute.key == "gen_ai.response.id":
                attribute.value.string_value += user
        request = ExportTraceServiceRequest()
        request.resource_spans.add().scope_spans.add().spans.append(span)
        requests.append(request.SerializeToString())
    return requests

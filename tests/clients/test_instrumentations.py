"""Calls that other instrumentations describe become one record each, with the vendor's price, however they arrive."""

from __future__ import annotations

import os
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger_api.http_server import HttpServer
from tests.clients.instrumentations import CALLS, WATCHES, Engine, Watch, call_openai, total_cost
from tests.clients.openai_interface import openai_interface
from tests.clients.recorder import Recorder
from tests.collector.otlp_requests import request_of, spans_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.conftest import Product
    from tests.clients.environments import Environments


@pytest.fixture(scope="session")
def openai() -> Iterator[str]:
    """Base address of the loopback OpenAI."""
    with HttpServer(openai_interface(), "127.0.0.1", 0) as server:
        yield server.url


@pytest.fixture(scope="module", autouse=True)
def _begun(environments: Environments) -> None:
    environments.begin("genai_openai", "together", "openinference", "traceloop", "logfire")


def _rated(product: Product) -> None:
    """Wait until the rater has decided about everything that has arrived so far."""
    product.settle()
    probe = f"probe-{uuid.uuid4().hex}"
    usage = {"gen_ai.request.model": "gpt-4", "gen_ai.usage.input_tokens": "1", "user.id": probe}
    assert product.post(request_of(usage).SerializeToString())
    product.running.wait_for(lambda: product.spent_by(probe)[0] == 1)


@dataclass(frozen=True)
class Called:
    """What came of a watch's calls.

    Attributes:
        user: Who they were made for.
        failure: What the engine wrote if it did not end well; empty if it did.
    """

    user: str
    failure: str


@pytest.fixture(scope="module")
def recorders() -> Iterator[dict[Watch, Recorder]]:
    """A receiver for each pair of instrumentations inside an agent: what they export is sent more than once."""
    with ExitStack() as running:
        pairs = [watch for watch in WATCHES if watch.agent and len(watch.names) > 1]
        yield {watch: running.enter_context(Recorder()) for watch in pairs}


@pytest.fixture(scope="module")
def called(
    product: Product, environments: Environments, openai: str, recorders: dict[Watch, Recorder]
) -> dict[Watch, Called]:
    """Every watch's calls, once all of them are rated: one wait for all, not one for each."""
    engines = [
        Engine(watch, uuid.uuid4().hex, recorders[watch].url if watch in recorders else product.running.otlp)
        for watch in WATCHES
    ]

    def call(environment: str) -> dict[Watch, str]:
        return call_openai([each for each in engines if each.watch.environment == environment], environments, openai)

    with ThreadPoolExecutor(2) as side_by_side:
        failures = list(side_by_side.map(call, dict.fromkeys(watch.environment for watch in WATCHES)))
    for recorder in recorders.values():
        assert all(product.post(body) for body in recorder.bodies)
    _rated(product)
    failed = {watch: failure for each in failures for watch, failure in each.items()}
    return {engine.watch: Called(engine.user, failed.get(engine.watch, "")) for engine in engines}


@pytest.mark.parametrize("watch", WATCHES, ids=lambda watch: watch.label)
def test_each_call_is_one_record(product: Product, called: dict[Watch, Called], watch: Watch) -> None:
    """Whoever watches, alone or beside another, four calls are four records of the right amount."""
    assert not called[watch].failure
    assert product.spent_by(called[watch].user) == (CALLS, total_cost())


def _as_it_was(spans: list[bytes]) -> list[bytes]:
    return spans


def _parents_first(spans: list[bytes]) -> list[bytes]:
    return spans[::-1]


def _shuffled(spans: list[bytes]) -> list[bytes]:
    return random.Random(spans[0]).sample(spans, len(spans))  # noqa: S311 - not a secret


@pytest.fixture(scope="module")
def recorded(recorders: dict[Watch, Recorder], called: dict[Watch, Called]) -> dict[Watch, list[bytes]]:
    """What each pair of instrumentations inside an agent exports."""
    assert not any(called[watch].failure for watch in recorders)
    return {watch: recorder.bodies for watch, recorder in recorders.items()}


_ORDERS: Final = (_as_it_was, _parents_first, _shuffled)


@pytest.fixture(scope="module")
def arrived(product: Product, recorded: dict[Watch, list[bytes]]) -> dict[str, list[str]]:
    """By the order in which the spans came: the users, one a pair, whose spans came in two halves, rated in between."""
    users = {order.__name__: [uuid.uuid4().hex for _ in recorded] for order in _ORDERS}
    spans = [
        order(_of_another_user(bodies, user))
        for order in _ORDERS
        for user, bodies in zip(users[order.__name__], recorded.values(), strict=True)
    ]
    for half in (slice(None, CALLS), slice(CALLS, None)):
        assert product.post(b"".join(body for bodies in spans for body in bodies[half]))
        _rated(product)
    return users


@pytest.mark.parametrize("order", [order.__name__ for order in _ORDERS])
def test_the_order_of_arrival_does_not_matter(product: Product, arrived: dict[str, list[str]], order: str) -> None:
    """Spans of a trace that come apart, rated in between, end as the same records whatever comes first."""
    assert arrived[order]
    assert [product.spent_by(user) for user in arrived[order]] == [(CALLS, total_cost())] * len(arrived[order])


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

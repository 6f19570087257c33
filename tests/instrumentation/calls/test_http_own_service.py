"""httpx and httpx2 on the wire: own services are told on whose behalf they are asked, nobody else is."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from opentelemetry.trace import SpanKind

import spanledger
from spanledger import environment, propagation
from spanledger.calls import http_own_service
from spanledger.calls.http_targets import set_targets
from spanledger.guard import losses
from spanledger.identity import current_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.instrumentation.calls.delivery import Delivery
    from tests.instrumentation.recorder import Recorder

    Ask: TypeAlias = Callable[..., dict[str, str]]

Library: TypeAlias = Any
"""httpx or httpx2: the same names, unrelated types."""

OURS = {"traceparent", "tracestate", "baggage"}


@pytest.fixture(autouse=True)
def engine(recorder: Recorder) -> Iterator[Recorder]:
    """An engine that owns the server by its address, but not by its name ``localhost``."""
    propagation.own_hosts(["127.0.0.1"])
    yield recorder
    propagation.own_hosts([])
    set_targets([], [])


@pytest.fixture(params=["Client", "AsyncClient"])
def ask(request: pytest.FixtureRequest, library: Library, delivery: Delivery) -> Ask:
    """Ask for an address with a client of either kind; returns the headers that arrived last."""

    def ask(url: str, **headers: str) -> dict[str, str]:
        del delivery.headers[:]
        asked = library.Request("GET", url, headers=headers)
        before = dict(asked.headers)
        if request.param == "Client":
            with library.Client(follow_redirects=True) as client:
                assert client.send(asked).is_success
        else:
            asyncio.run(_send(library, asked))
        assert dict(asked.headers) == before
        return delivery.headers[-1]

    return ask


async def _send(library: Library, request: object) -> None:
    async with library.AsyncClient(follow_redirects=True) as client:
        assert (await client.send(request)).is_success


def elsewhere(delivery: Delivery, path: str) -> str:
    """The same server, by a name that is not an own one."""
    return f"{delivery.url.replace('127.0.0.1', 'localhost')}{path}"


def test_an_own_service_is_told_on_whose_behalf(engine: Recorder, delivery: Delivery, ask: Ask) -> None:
    """The whole identity and the trace arrive, and the caller's request is afterwards as he made it."""
    with spanledger.execution("task", user_id="user-1", execution_id="execution-1"), spanledger.step("render") as step:
        told = current_identity()
        headers = ask(f"{delivery.url}/bytes/10")

    with propagation.received(headers) as identity:
        assert identity == told
    [call] = [span for span in engine.spans() if span.kind is SpanKind.CLIENT]
    assert call.parent is not None
    assert call.parent.span_id == step.get_span_context().span_id
    assert call.context is not None
    assert f"{call.context.span_id:016x}" in headers["traceparent"]
    assert (call.attributes or {})["user.id"] == "user-1"
    assert engine.costs() == []


def test_anybody_else_is_told_nothing(delivery: Delivery, ask: Ask) -> None:
    """A request to a host that is not configured goes out as it is without us."""
    with spanledger.execution("task", user_id="user-1"):
        headers = ask(elsewhere(delivery, "/bytes/10"))

    assert not OURS & set(headers)
    assert "user-1" not in str(headers)


def test_a_paid_host_is_told_nothing(engine: Recorder, delivery: Delivery, ask: Ask) -> None:
    """It is metered all the same, where it is no own one."""
    set_targets([elsewhere(delivery, "").removeprefix("http://")], [])
    with spanledger.execution("task", user_id="user-1"):
        headers = ask(elsewhere(delivery, "/bytes/10"))

    assert not OURS & set(headers)
    assert engine.cost()["user.id"] == "user-1"


def test_a_paid_host_of_ones_own_is_told_and_metered(engine: Recorder, delivery: Delivery, ask: Ask) -> None:
    """One does not stand in the way of the other."""
    set_targets([delivery.host], [])
    with spanledger.execution("task", user_id="user-1"):
        headers = ask(f"{delivery.url}/bytes/10")

    assert "user.id=user-1" in headers["baggage"]
    assert engine.cost()["cost.metadata.bytes"] == 10


def test_a_redirect_to_somebody_else_takes_nothing_along(delivery: Delivery, ask: Ask) -> None:
    """The own service that sends the client away was told; where it leads to is not."""
    with spanledger.execution("task", user_id="user-1"):
        ask(f"{delivery.url}/away/{delivery.url.rpartition(':')[2]}")

    first, second = delivery.headers
    assert "user.id=user-1" in first["baggage"]
    assert not OURS & set(second)


def test_every_hop_within_own_services_is_told(delivery: Delivery, ask: Ask) -> None:
    """Redirects keep the identity as long as they stay."""
    with spanledger.execution("task", user_id="user-1"):
        ask(f"{delivery.url}/redirect")

    assert ["user.id=user-1" in headers["baggage"] for headers in delivery.headers] == [True, True]


@pytest.mark.parametrize(
    ("own", "added"),
    [
        ({"baggage": "tenant=7"}, {"traceparent"}),
        ({"traceparent": f"00-{1:032x}-{1:016x}-01"}, {"baggage"}),
        ({"Baggage": "tenant=7", "Traceparent": f"00-{1:032x}-{1:016x}-01"}, set[str]()),
    ],
)
def test_the_callers_own_headers_win(delivery: Delivery, ask: Ask, own: dict[str, str], added: set[str]) -> None:
    """What he sets is what arrives, once, and nothing joins his trace state."""
    with spanledger.execution("task", user_id="user-1"):
        headers = ask(f"{delivery.url}/bytes/10", **own)

    set_by_caller = {name.lower(): value for name, value in own.items()}
    assert {name: headers[name] for name in set_by_caller} == set_by_caller
    assert OURS & set(headers) == added | set(set_by_caller)


def test_a_defect_of_ours_leaves_the_request_alone(
    delivery: Delivery, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It arrives without our headers, and the failure is counted."""

    def fail(host: str) -> dict[str, str]:
        raise RuntimeError(host)

    before = losses().get("http.identity", 0)
    monkeypatch.setattr(http_own_service, "headers_for_host", fail)
    with spanledger.execution("task", user_id="user-1"):
        headers = ask(f"{delivery.url}/bytes/10")

    assert not OURS & set(headers)
    assert losses()["http.identity"] == before + 1


def test_own_hosts_come_from_the_environment_too(delivery: Delivery) -> None:
    """An engine that names none in its code tells those of ``SPANLEDGER_OWN_HOSTS``."""
    engine = """
import sys, httpx, httpx2, spanledger
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spanledger.configure("engine", exporter=InMemorySpanExporter())
with spanledger.execution("task", user_id="user-1"):
    for url in sys.argv[1:]:
        httpx.get(url)
        httpx2.get(url)
"""
    del delivery.headers[:]
    addresses = [f"{delivery.url}/bytes/1", elsewhere(delivery, "/bytes/1")]
    variables = {environment.OWN_HOSTS: "render.internal, 127.0.0.1"}
    subprocess.run([sys.executable, "-c", engine, *addresses], check=True, env=os.environ | variables, timeout=60)

    told = ["user.id=user-1" in headers.get("baggage", "") for headers in delivery.headers]
    assert told == [True, True, False, False]

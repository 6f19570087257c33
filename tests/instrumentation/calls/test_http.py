"""httpx and httpx2 against a real server: wire bytes of CloudFront, videos of Cloudflare Stream, untouched answers."""

from __future__ import annotations

import asyncio
import gc
import gzip
import inspect
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

import spanledger
from spanledger.calls import cloudflare_stream, cloudfront
from spanledger.calls.http_targets import is_cloudflare_stream, is_cloudfront, set_targets
from spanledger.exceptions import ConfigurationError
from spanledger.guard import losses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.instrumentation.calls.delivery import Delivery
    from tests.instrumentation.recorder import Recorder

Library: TypeAlias = Any
"""httpx or httpx2: the same names, unrelated types."""

GIBIBYTE = 1024**3


def total(size: int) -> str:
    """What so many bytes from CloudFront cost."""
    return format((Decimal(size) * Decimal("0.085") / GIBIBYTE).quantize(Decimal("1e-12")), "f").rstrip("0")


def test_a_download_is_charged_by_its_bytes(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """Host, path and bytes are in the metadata, the query is not, and the caller is whom it is for."""
    with spanledger.execution("task", user_id="user-1"), library.Client() as client:
        response = client.get(f"{delivery.url}/bytes/1000000?Signature=secret")

    assert (len(response.content), response.num_bytes_downloaded) == (1_000_000, 1_000_000)
    assert response.elapsed.total_seconds() > 0
    record = delivered.cost()
    assert (record["cost.service"], record["cost.operation"], record["cost.unit"]) == ("cloudfront", "download", "GB")
    assert record["cost.total_cost"] == total(1_000_000)
    assert (record["cost.metadata.bytes"], record["cost.metadata.status"]) == (1_000_000, 200)
    assert (record["cost.metadata.host"], record["cost.metadata.path"]) == (delivery.host, "/bytes/1000000")
    assert record["user.id"] == "user-1"
    assert "secret" not in str(delivered.spans()[-1].to_json())


def read_all(client: Library, url: str) -> None:
    """At once, by the module-level function's way."""
    client.get(url)


def stream_raw(client: Library, url: str) -> None:
    """As it comes."""
    with client.stream("GET", url) as response:
        assert sum(map(len, response.iter_raw(1000))) == response.num_bytes_downloaded


def stream_lines(client: Library, url: str) -> None:
    """Decoded."""
    with client.stream("GET", url) as response:
        assert "".join(response.iter_lines())


def read_late(client: Library, url: str) -> None:
    """After the head has come."""
    response = client.send(client.build_request("GET", url), stream=True)
    response.read()
    response.close()


async def read_all_async(client: Library, url: str) -> None:
    """At once."""
    await client.get(url)


async def stream_raw_async(client: Library, url: str) -> None:
    """As it comes."""
    async with client.stream("GET", url) as response:
        assert sum([len(chunk) async for chunk in response.aiter_raw()]) == response.num_bytes_downloaded


async def read_late_async(client: Library, url: str) -> None:
    """After the head has come."""
    response = await client.send(client.build_request("GET", url), stream=True)
    await response.aread()
    await response.aclose()


@pytest.mark.parametrize("path", ["/bytes/300000", "/chunked/300000", "/gzip/300000"])
@pytest.mark.parametrize(
    "download", [read_all, stream_raw, stream_lines, read_late, read_all_async, stream_raw_async, read_late_async]
)
def test_every_way_of_reading_counts_wire_bytes(
    delivered: Recorder,
    delivery: Delivery,
    library: Library,
    download: Callable[..., Awaitable[None] | None],
    path: str,
) -> None:
    """Compressed bodies count as they came, and each download is one record."""
    size = len(gzip.compress(b"x" * 300_000)) if "gzip" in path else 300_000
    if inspect.iscoroutinefunction(download):

        async def main() -> None:
            async with library.AsyncClient() as client:
                await download(client, delivery.url + path)

        asyncio.run(main())
    else:
        with library.Client() as client:
            download(client, delivery.url + path)

    record = delivered.cost()
    assert (record["cost.metadata.bytes"], record["cost.total_cost"]) == (size, total(size))
    assert record["cost.metadata.complete"] is True


def test_a_stream_closed_early_counts_what_came(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """Neither more nor less than the client has read from the connection."""
    with library.Client() as client, client.stream("GET", f"{delivery.url}/bytes/50000000") as response:
        for _ in response.iter_bytes():
            break
    came = response.num_bytes_downloaded

    record = delivered.cost()
    assert 0 < came < 50_000_000
    assert (record["cost.metadata.bytes"], record["cost.metadata.complete"]) == (came, False)


def test_an_asynchronous_stream_left_by_an_exception_counts_what_came(
    delivered: Recorder, delivery: Delivery, library: Library
) -> None:
    """The caller's exception passes; the record has the bytes, and no error of the download's."""
    came: list[int] = []

    async def main() -> None:
        async with library.AsyncClient() as client, client.stream("GET", f"{delivery.url}/bytes/50000000") as response:
            async for _ in response.aiter_raw():
                came.append(response.num_bytes_downloaded)
                raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(main())

    assert delivered.cost()["cost.metadata.bytes"] == came[0]
    assert delivered.span("CloudFront.GET").status.is_ok


def test_a_response_that_is_dropped_counts_what_came(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """Nobody closes it, but it goes."""
    with library.Client() as client:
        response = client.send(client.build_request("GET", f"{delivery.url}/bytes/2000"), stream=True)
        chunks = response.iter_raw()
        assert next(chunks)
        del response, chunks
        gc.collect()

    assert delivered.cost()["cost.metadata.bytes"] == 2000


def test_every_hop_of_a_redirect_counts(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """The bytes of the answer that redirects came over the wire too."""
    with library.Client(follow_redirects=True) as client:
        assert len(client.get(f"{delivery.url}/redirect").content) == 1000

    sizes = [(record["cost.metadata.status"], record["cost.metadata.bytes"]) for record in delivered.costs()]
    assert sizes == [(302, 10), (200, 1000)]


def test_a_download_that_breaks_raises_the_clients_error(
    delivered: Recorder, delivery: Delivery, library: Library
) -> None:
    """What had come until then was delivered, and is charged."""
    with library.Client() as client, pytest.raises(library.RemoteProtocolError):
        client.get(f"{delivery.url}/broken")

    assert delivered.cost()["cost.metadata.bytes"] == 400
    assert "RemoteProtocolError" in str(delivered.span("CloudFront.GET").status.description)


def test_a_request_without_an_answer_costs_nothing(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """The exception is the client's own; an answer without a body costs nothing too, one that says 404 has a body."""
    with (
        library.Client(transport=library.MockTransport(refuse(library))) as client,
        pytest.raises(library.ConnectError),
    ):
        client.get(f"{delivery.url}/bytes/1")
    with library.Client() as client:
        client.get(f"{delivery.url}/empty")
        client.head(f"{delivery.url}/bytes/1000")
        assert delivered.costs() == []
        client.get(f"{delivery.url}/nothing")

    record = delivered.cost()
    assert (record["cost.metadata.bytes"], record["cost.metadata.status"]) == (9, 404)


def refuse(library: Library) -> Callable[[object], object]:
    """A transport that reaches nobody."""

    def handle(request: object) -> object:
        message = "nobody there"
        raise library.ConnectError(message, request=request)

    return handle


def test_a_body_that_is_there_already_is_charged(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """Transports of tests and caches answer without a stream."""

    def answer(_: object) -> object:
        return library.Response(200, content=b"x" * 500)

    with library.Client(transport=library.MockTransport(answer)) as client:
        assert client.get(f"{delivery.url}/bytes/500").content == b"x" * 500

    assert delivered.cost()["cost.metadata.bytes"] == 500


def test_other_hosts_are_left_alone(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """The same server by another name is neither provider."""
    with library.Client() as client:
        client.get(f"{delivery.url.replace('127.0.0.1', 'localhost')}/bytes/1000")

    assert delivered.spans() == []


def test_nothing_of_ours_goes_out(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """Neither trace context nor baggage is in any request's headers."""
    del delivery.headers[:]
    with spanledger.execution("task", user_id="user-1"), library.Client() as client:
        client.get(f"{delivery.url}/bytes/10")
        client.post(delivery.api, content=b"video")

    assert len(delivered.costs()) == 2
    assert len(delivery.headers) == 2
    for headers in delivery.headers:
        assert not {"traceparent", "tracestate", "baggage"} & set(headers)
        assert "user-1" not in str(headers)


@pytest.mark.parametrize("hook", ["__init__", "answered", "received", "ended"])
@pytest.mark.parametrize("meter", [cloudfront.Download, cloudflare_stream.StreamCall])
def test_a_hook_that_raises_leaves_the_answer_alone(  # noqa: PLR0913, PLR0917 - two of them are the parametrization
    delivered: Recorder,
    delivery: Delivery,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    meter: type,
    hook: str,
) -> None:
    """Where measuring fails, the body comes all the same, and the failure is counted."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(hook)

    before = sum(losses().values())
    monkeypatch.setattr(meter, hook, fail)
    with library.Client() as client:
        assert len(client.get(f"{delivery.url}/bytes/1000").content) == 1000
        assert client.post(delivery.api, content=b"video").json()["success"]

    assert sum(losses().values()) > before
    assert delivered.spans() is not None


def test_hosts_are_patterns() -> None:
    """The providers' own domains are always known; others by pattern, with a port if there is one."""
    set_targets(["cdn.example.com", "*.media.example"], ["proxy.example/stream*"])
    try:
        assert is_cloudfront("d111111abcdef8.cloudfront.net")
        assert is_cloudfront("CDN.example.com")
        assert is_cloudfront("a.b.media.example")
        assert not is_cloudfront("cdn.example.com.evil.example")
        assert not is_cloudfront("cloudfront.net.example")
        assert is_cloudflare_stream("api.cloudflare.com", "/client/v4/accounts/a/stream/b")
        assert not is_cloudflare_stream("api.cloudflare.com", "/client/v4/accounts/a/images/v1")
        assert is_cloudflare_stream("proxy.example", "/stream/b")
    finally:
        set_targets([], [])


def test_hosts_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By commas, where the code does not name any."""
    monkeypatch.setenv("SPANLEDGER_CLOUDFRONT_HOSTS", "one.example, two.example:8080")
    monkeypatch.setenv("SPANLEDGER_CLOUDFLARE_STREAM_URLS", "three.example/*")
    try:
        set_targets(None, None)
        assert is_cloudfront("one.example")
        assert is_cloudfront("two.example:8080")
        assert is_cloudflare_stream("three.example", "/anything")
    finally:
        set_targets([], [])


@pytest.mark.parametrize("pattern", ["https://cdn.example.com", ""])
def test_a_pattern_that_could_never_match_is_refused(pattern: str) -> None:
    """Before anything is configured by it."""
    with pytest.raises(ConfigurationError, match="matches no address"):
        set_targets([pattern], None)


def test_metering_can_be_taken_off(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """Without the patches there is no span."""
    module: Any = import_module(f"spanledger.calls.{library.__name__}")
    module.uninstrument()
    try:
        library.get(f"{delivery.url}/bytes/10")
        assert delivered.spans() == []
    finally:
        module.instrument()

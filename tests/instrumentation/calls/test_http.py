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
from spanledger.calls.outcomes import Outcomes
from spanledger.exceptions import ConfigurationError
from spanledger.guard import losses
from tests.instrumentation.calls.delivery import Delivery
from tests.instrumentation.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

Library: TypeAlias = Any
"""httpx or httpx2: the same names, unrelated types."""

GIBIBYTE = 1024**3


@pytest.fixture(scope="module")
def delivery() -> Iterator[Delivery]:
    """The running server."""
    server = Delivery()
    yield server
    server.close()


@pytest.fixture
def recorder(delivery: Delivery) -> Iterator[Recorder]:
    """An engine that knows the server as CloudFront, and its API as Cloudflare's."""
    recorder = Recorder()
    spanledger.configure(
        "engine-under-test",
        exporter=recorder.exporter,
        cloudfront_hosts=[delivery.host],
        cloudflare_stream_urls=[f"{delivery.host}/client/v4/accounts/*/stream*"],
    )
    yield recorder
    spanledger.shutdown()


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Library:
    """Each library."""
    return import_module(request.param)


def total(size: int) -> str:
    """What so many bytes from CloudFront cost."""
    return format((Decimal(size) * Decimal("0.085") / GIBIBYTE).quantize(Decimal("1e-12")), "f").rstrip("0")


def test_a_download_is_charged_by_its_bytes(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """Host, path and bytes are in the metadata, the query is not, and the caller is whom it is for."""
    with spanledger.execution("task", user_id="user-1"), library.Client() as client:
        response = client.get(f"{delivery.url}/bytes/1000000?Signature=secret")

    assert (len(response.content), response.num_bytes_downloaded) == (1_000_000, 1_000_000)
    assert response.elapsed.total_seconds() > 0
    record = recorder.cost()
    assert (record["cost.service"], record["cost.operation"], record["cost.unit"]) == ("cloudfront", "download", "GB")
    assert record["cost.total_cost"] == total(1_000_000)
    assert (record["cost.metadata.bytes"], record["cost.metadata.status"]) == (1_000_000, 200)
    assert (record["cost.metadata.host"], record["cost.metadata.path"]) == (delivery.host, "/bytes/1000000")
    assert record["user.id"] == "user-1"
    assert "secret" not in str(recorder.spans()[-1].to_json())


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
    recorder: Recorder, delivery: Delivery, library: Library, download: Callable[..., Awaitable[None] | None], path: str
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

    record = recorder.cost()
    assert (record["cost.metadata.bytes"], record["cost.total_cost"]) == (size, total(size))
    assert record["cost.metadata.complete"] is True


def test_a_stream_closed_early_counts_what_came(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """Neither more nor less than the client has read from the connection."""
    with library.Client() as client, client.stream("GET", f"{delivery.url}/bytes/50000000") as response:
        for _ in response.iter_bytes():
            break
    came = response.num_bytes_downloaded

    record = recorder.cost()
    assert 0 < came < 50_000_000
    assert (record["cost.metadata.bytes"], record["cost.metadata.complete"]) == (came, False)


def test_an_asynchronous_stream_left_by_an_exception_counts_what_came(
    recorder: Recorder, delivery: Delivery, library: Library
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

    assert recorder.cost()["cost.metadata.bytes"] == came[0]
    assert recorder.span("CloudFront.GET").status.is_ok


def test_a_response_that_is_dropped_counts_what_came(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """Nobody closes it, but it goes."""
    with library.Client() as client:
        response = client.send(client.build_request("GET", f"{delivery.url}/bytes/2000"), stream=True)
        chunks = response.iter_raw()
        assert next(chunks)
        del response, chunks
        gc.collect()

    assert recorder.cost()["cost.metadata.bytes"] == 2000


def test_every_hop_of_a_redirect_counts(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """The bytes of the answer that redirects came over the wire too."""
    with library.Client(follow_redirects=True) as client:
        assert len(client.get(f"{delivery.url}/redirect").content) == 1000

    sizes = [(record["cost.metadata.status"], record["cost.metadata.bytes"]) for record in recorder.costs()]
    assert sizes == [(302, 10), (200, 1000)]


def test_a_download_that_breaks_raises_the_clients_error(
    recorder: Recorder, delivery: Delivery, library: Library
) -> None:
    """What had come until then was delivered, and is charged."""
    with library.Client() as client, pytest.raises(library.RemoteProtocolError):
        client.get(f"{delivery.url}/broken")

    assert recorder.cost()["cost.metadata.bytes"] == 400
    assert "RemoteProtocolError" in str(recorder.span("CloudFront.GET").status.description)


def test_a_request_that_is_not_answered_costs_nothing(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """The exception is the client's own; so does an answer without a body, while one that says 404 has one."""
    with (
        library.Client(transport=library.MockTransport(refuse(library))) as client,
        pytest.raises(library.ConnectError),
    ):
        client.get(f"{delivery.url}/bytes/1")
    with library.Client() as client:
        client.get(f"{delivery.url}/empty")
        client.head(f"{delivery.url}/bytes/1000")
        assert recorder.costs() == []
        client.get(f"{delivery.url}/nothing")

    record = recorder.cost()
    assert (record["cost.metadata.bytes"], record["cost.metadata.status"]) == (9, 404)


def refuse(library: Library) -> Callable[[object], object]:
    """A transport that reaches nobody."""

    def handle(request: object) -> object:
        message = "nobody there"
        raise library.ConnectError(message, request=request)

    return handle


def test_a_body_that_is_there_already_is_charged(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """Transports of tests and caches answer without a stream."""

    def answer(_: object) -> object:
        return library.Response(200, content=b"x" * 500)

    with library.Client(transport=library.MockTransport(answer)) as client:
        assert client.get(f"{delivery.url}/bytes/500").content == b"x" * 500

    assert recorder.cost()["cost.metadata.bytes"] == 500


def test_other_hosts_are_left_alone(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """The same server by another name is neither provider."""
    with library.Client() as client:
        client.get(f"{delivery.url.replace('127.0.0.1', 'localhost')}/bytes/1000")

    assert recorder.spans() == []


def test_a_video_is_charged_once_its_duration_is_known(
    recorder: Recorder, delivery: Delivery, library: Library
) -> None:
    """A copy has no duration yet; polls until then leave no trace, and those after it no second record."""
    with library.Client() as client:
        with spanledger.execution("video_generation", user_id="user-1"):
            uid = client.post(f"{delivery.api}/copy", json={"url": "https://video.example"}).json()["result"]["uid"]
        assert recorder.costs() == []
        with spanledger.execution("video_generation", user_id="user-2"):
            states = [client.get(f"{delivery.api}/{uid}").json()["result"]["duration"] for _ in range(4)]

    assert states == [-1, 90.5, 90.5, 90.5]
    record = recorder.cost()
    assert (record["cost.service"], record["cost.operation"]) == ("cloudflare_stream", "render")
    assert (record["cost.quantity"], record["cost.unit"]) == ("90.5", "seconds")
    assert record["cost.total_cost"] == "0.008044444444"
    assert (record["user.id"], record["cost.metadata.uid"]) == ("user-1", uid)
    said = recorder.attributes("CloudflareStream.POST")
    assert (said["cost.metadata.state"], said["cost.metadata.uid"]) == ("pending", uid)
    video, posted = recorder.span("CloudflareStream.video"), recorder.span("CloudflareStream.POST")
    assert [link.context for link in video.links] == [posted.get_span_context()]
    assert (video.start_time, video.end_time) == (1_780_000_000_500_000_000, 1_780_000_020_000_000_000)


@pytest.mark.parametrize(("way", "names"), [("", 2), ("direct_upload", 2), ("tus", 2)])
def test_every_way_of_making_a_video_remembers_whose_it_is(
    recorder: Recorder, delivery: Delivery, library: Library, way: str, names: int
) -> None:
    """An upload that knows its duration at once, one from a browser, and a resumable one."""

    async def main() -> None:
        async with library.AsyncClient() as client:
            with spanledger.execution("video_generation", user_id="user-1"):
                answer = await client.post(f"{delivery.api}/{way}".rstrip("/"), content=b"video")
            uid = answer.headers.get("stream-media-id") or answer.json()["result"]["uid"]
            for _ in range(2):
                await client.get(f"{delivery.api}/{uid}")

    asyncio.run(main())
    assert recorder.cost()["user.id"] == "user-1"
    assert len([span for span in recorder.spans() if span.name.startswith("CloudflareStream")]) == names


def test_another_process_makes_the_same_record(
    recorder: Recorder, delivery: Delivery, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is remembered, as in another process, ids and times are the same all the same."""
    with library.Client() as client, spanledger.execution("task", user_id="user-1"):
        uid = client.post(delivery.api, content=b"video").json()["result"]["uid"]
        monkeypatch.setattr(cloudflare_stream, "_OUTCOMES", Outcomes("cloudflare_stream"))
        for _ in range(2):
            client.get(f"{delivery.api}/{uid}")

    first, second = [span for span in recorder.spans() if span.name == "CloudflareStream.video"]
    assert first.get_span_context() == second.get_span_context()
    assert (first.start_time, first.end_time) == (second.start_time, second.end_time)
    assert [record["user.id"] for record in recorder.costs()] == ["user-1", "user-1"]


def test_answers_about_no_single_video_cost_nothing(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """Lists, what is not there, and an answer that is not read to its end."""
    with library.Client() as client:
        uid = client.post(f"{delivery.api}/copy").json()["result"]["uid"]
        client.get(delivery.api)
        assert client.get(f"{delivery.api}/nobody").status_code == 404
        client.get(f"{delivery.api}/{uid}")
        with client.stream("GET", f"{delivery.api}/{uid}") as response:
            assert response.status_code == 200

    assert recorder.costs() == []


def test_nothing_of_ours_goes_out(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """Neither trace context nor baggage is in any request's headers."""
    del delivery.headers[:]
    with spanledger.execution("task", user_id="user-1"), library.Client() as client:
        client.get(f"{delivery.url}/bytes/10")
        client.post(delivery.api, content=b"video")

    assert len(recorder.costs()) == 2
    assert len(delivery.headers) == 2
    for headers in delivery.headers:
        assert not {"traceparent", "tracestate", "baggage"} & set(headers)
        assert "user-1" not in str(headers)


@pytest.mark.parametrize("hook", ["__init__", "answered", "received", "ended"])
@pytest.mark.parametrize("meter", [cloudfront.Download, cloudflare_stream.StreamCall])
def test_a_hook_that_raises_leaves_the_answer_alone(  # noqa: PLR0913, PLR0917 - two of them are the parametrization
    recorder: Recorder,
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
    assert recorder.spans() is not None


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


def test_metering_can_be_taken_off(recorder: Recorder, delivery: Delivery, library: Library) -> None:
    """Without the patches there is no span."""
    module: Any = import_module(f"spanledger.calls.{library.__name__}")
    module.uninstrument()
    try:
        library.get(f"{delivery.url}/bytes/10")
        assert recorder.spans() == []
    finally:
        module.instrument()

"""Every metered call of the media clients, really made, and the table of what became of it.

``python -m tests.instrumentation.calls.media_calls`` makes them all and writes the table into the documentation.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import spanledger
from tests.instrumentation.calls.delivery import Delivery
from tests.instrumentation.calls.video_server import VideoServer
from tests.instrumentation.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

__all__ = ["DOCUMENT", "END", "START", "media_table"]

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "reference" / "metered-calls-media.md"
START: Final = "<!-- table: begin -->\n"
END: Final = "<!-- table: end -->\n"

MEBIBYTE: Final = 1024**2
USER: Final = "user-1"

Library: TypeAlias = Any
"""A client library, used without its types."""


@dataclass(frozen=True)
class Call:
    """One line of the table, or several where a call makes several records.

    Attributes:
        client: The library.
        what: What is called.
        way: Synchronous or not, streamed, in a thread, failing.
        run: Makes the call.
    """

    client: str
    what: str
    way: str
    run: Callable[[], object]


def media_table(directory: Path) -> str:
    """Make every call for one user, against services on loopback, and tell what was recorded.

    Args:
        directory: Where files to be sent may be written.
    """
    lines = [
        "| client | call | way | service, operation | quantity | unit price (USD) | total (USD) | for |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with contextlib.ExitStack() as stack:
        delivery, server = Delivery(), VideoServer()
        stack.callback(delivery.close)
        stack.callback(server.close)
        calls = [*_video_calls(server, stack), *_storage_calls(directory, stack), *_http_calls(delivery)]
        for call in calls:
            lines += [_line(call, record) for record in _records_of(call, delivery)] or [_line(call, None)]
    return "\n".join(lines) + "\n"


def _records_of(call: Call, delivery: Delivery) -> list[Mapping[str, object]]:
    recorder = Recorder()
    spanledger.configure(
        "engine-under-test",
        exporter=recorder.exporter,
        cloudfront_hosts=[delivery.host],
        cloudflare_stream_urls=[f"{delivery.host}/client/v4/accounts/*/stream*"],
    )
    try:
        with spanledger.execution("table", user_id=USER):
            made: Any = call.run()
            if inspect.iscoroutine(made):
                asyncio.run(made)
        return sorted(recorder.costs(), key=lambda record: -float(str(record.get("cost.quantity", 0))))
    finally:
        spanledger.shutdown()


def _line(call: Call, record: Mapping[str, object] | None) -> str:
    cells = [call.client, f"`{call.what}`", call.way]
    if record is None:
        cells += ["no record", "", "", "", ""]
    elif record["cost.source"] == "unpriced":
        cells += [f"{record['cost.service']}, {record['cost.operation']}", "", "", f"unpriced: {record['cost.reason']}"]
        cells.append(str(record["user.id"]))
    else:
        cells += [
            f"{record['cost.service']}, {record['cost.operation']}",
            f"{record['cost.quantity']} {record['cost.unit']}",
            str(record["cost.unit_cost"]),
            str(record["cost.total_cost"]),
            str(record["user.id"]),
        ]
    return f"| {' | '.join(cells)} |"


def _video_calls(server: VideoServer, stack: contextlib.ExitStack) -> Iterator[Call]:
    grpc: Library = import_module("grpc")
    video: Library = import_module("google.cloud.videointelligence_v1")
    transports: Library = import_module(
        "google.cloud.videointelligence_v1.services.video_intelligence_service.transports"
    )
    credentials: Library = import_module("google.auth.credentials")
    polling: Library = import_module("google.api_core.future.polling").DEFAULT_POLLING
    quickly = polling.with_delay(initial=0.005, maximum=0.01).with_timeout(10)
    channel = grpc.insecure_channel(server.target)
    stack.callback(channel.close)
    over_grpc = video.VideoIntelligenceServiceClient(
        transport=transports.VideoIntelligenceServiceGrpcTransport(channel=channel)
    )
    rest = transports.VideoIntelligenceServiceRestTransport(
        host=server.host, url_scheme="http", credentials=credentials.AnonymousCredentials()
    )
    stack.callback(rest.close)

    def submit(client: Library, name: str, *, features: int = 1) -> Any:  # noqa: ANN401 - the library's future
        asked = [video.Feature.LABEL_DETECTION, video.Feature.SHOT_CHANGE_DETECTION][:features]
        return client.annotate_video(input_uri=f"gs://media/{name}", features=asked)

    def wait(client: Library, name: str, *, features: int = 1, times: int = 1) -> None:
        future = submit(client, name, features=features)
        for _ in range(times):
            with contextlib.suppress(import_module("google.api_core.exceptions").GoogleAPICallError):
                future.result(polling=quickly)

    def wait_in_thread(name: str) -> None:
        thread = threading.Thread(target=submit(over_grpc, name).result, kwargs={"polling": quickly})
        thread.start()
        thread.join()

    async def wait_async(name: str) -> None:
        async with grpc.aio.insecure_channel(server.target) as channel:
            transport = transports.VideoIntelligenceServiceGrpcAsyncIOTransport(channel=channel)
            client = video.VideoIntelligenceServiceAsyncClient(transport=transport)
            future = await client.annotate_video(input_uri=f"gs://media/{name}", features=[1])
            await future.result()

    line = partial(Call, "Video Intelligence", "annotate_video")
    yield line("gRPC, 300 s", lambda: wait(over_grpc, "300"))
    yield line("REST, 300 s", lambda: wait(video.VideoIntelligenceServiceClient(transport=rest), "300"))
    yield line("async, 90 s", lambda: wait_async("90+"))
    yield line("result in a thread, 90 s", lambda: wait_in_thread("90"))
    yield line("result twice, 90 s", lambda: wait(over_grpc, "90", times=2))
    yield line("two features, 90 s", lambda: wait(over_grpc, "90", features=2))
    yield line("overlapping segments", lambda: wait(over_grpc, "halves"))
    yield line("no segments", lambda: wait(over_grpc, "silent"))
    yield line("result not asked for", lambda: submit(over_grpc, "90"))
    yield line("failing while it is worked on", lambda: wait(over_grpc, "broken"))


class _Accepted:
    """The body of an answer that has none."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Nothing."""
        return iter([b""])


def _storage_calls(directory: Path, stack: contextlib.ExitStack) -> Iterator[Call]:
    boto3: Library = import_module("boto3")
    transfer: Library = import_module("boto3.s3.transfer")
    moto: Library = import_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    stack.callback(moto.stop)
    host, port = moto.get_host_and_port()
    keys = {"region_name": "us-east-1", "aws_access_key_id": "id", "aws_secret_access_key": "key"}
    s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)
    s3.create_bucket(Bucket="media")
    s3.put_object(Bucket="media", Key="source", Body=bytes(MEBIBYTE))
    r2 = boto3.client("s3", endpoint_url="https://account.r2.cloudflarestorage.com", **keys)
    answer = import_module("botocore.awsrequest").AWSResponse("https://r2", 200, {}, _Accepted())

    def accept(**_: object) -> object:
        return answer

    r2.meta.events.register("before-send.s3.PutObject", accept)
    path = directory / "small"
    path.write_bytes(bytes(1_000_000))
    parts = transfer.TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    source = {"Bucket": "media", "Key": "source"}
    to = {"Bucket": "media", "Key": "target"}

    def fail() -> None:
        with contextlib.suppress(s3.exceptions.NoSuchBucket):
            s3.put_object(Bucket="nowhere", Key="a", Body=b"abc")

    def read() -> None:
        s3.get_object(**source)["Body"].read()

    yield Call("boto3, S3", "put_object", "bytes", lambda: s3.put_object(**to, Body=bytes(MEBIBYTE)))
    yield Call("boto3, S3", "put_object", "file", lambda: s3.put_object(**to, Body=io.BytesIO(bytes(1000))))
    yield Call("boto3, S3", "put_object", "failing", fail)
    yield Call("boto3, S3", "upload_file", "in s3transfer's threads", lambda: s3.upload_file(str(path), *to.values()))
    large = io.BytesIO(bytes(11 * MEBIBYTE))
    yield Call(
        "boto3, S3", "upload_fileobj", "multipart, 11 MiB", lambda: s3.upload_fileobj(large, *to.values(), Config=parts)
    )
    yield Call("boto3, S3", "copy", "in s3transfer's threads", lambda: s3.copy(source, *to.values()))
    yield Call("boto3, S3", "copy_object", "of an object seen here", lambda: s3.copy_object(**to, CopySource=source))
    yield Call("boto3, S3", "get_object", "read to the end", read)
    yield Call("boto3, S3", "download_fileobj", "in s3transfer's threads", lambda: s3.download_fileobj(**_into(source)))
    yield Call("boto3, R2", "put_object", "bytes", lambda: r2.put_object(**to, Body=bytes(MEBIBYTE)))


def _into(source: Mapping[str, object]) -> dict[str, object]:
    return {**source, "Fileobj": io.BytesIO()}


def _http_calls(delivery: Delivery) -> Iterator[Call]:
    for name in ("httpx", "httpx2"):
        library: Library = import_module(name)
        yield from (Call(name, method, way, run) for method, way, run in _downloads(library, delivery))
    for name in ("httpx", "httpx2"):
        library = import_module(name)
        yield Call(name, "post", "Stream, asked twice more", partial(_copy_video, library, delivery))
        yield Call(name, "post", "Stream, duration known at once", partial(library.post, delivery.api, content=b"v"))
        yield Call(name, "post", "Stream, not asked again", partial(library.post, f"{delivery.api}/copy"))


def _downloads(library: Library, delivery: Delivery) -> Iterator[tuple[str, str, Callable[[], object]]]:
    def stream() -> None:
        with library.stream("GET", f"{delivery.url}/chunked/1048576") as response:
            for _ in response.iter_raw():
                pass

    def in_thread() -> Awaitable[object]:
        return asyncio.to_thread(library.get, f"{delivery.url}/bytes/1048576")

    async def asynchronous() -> None:
        async with library.AsyncClient() as client:
            await client.get(f"{delivery.url}/bytes/1048576")

    async def asynchronous_stream() -> None:
        async with library.AsyncClient() as client, client.stream("GET", f"{delivery.url}/bytes/1048576") as response:
            async for _ in response.aiter_bytes():
                pass

    def broken() -> None:
        with contextlib.suppress(library.RemoteProtocolError):
            library.get(f"{delivery.url}/broken")

    yield "get", "sync", partial(library.get, f"{delivery.url}/bytes/10737418")
    yield "get", "async", asynchronous
    yield "get", "in a thread", in_thread
    yield "stream", "sync", stream
    yield "stream", "async", asynchronous_stream
    yield "get", "redirected", partial(library.get, f"{delivery.url}/redirect", follow_redirects=True)
    yield "get", "breaking after 400 bytes", broken
    yield "get", "without a body", partial(library.get, f"{delivery.url}/empty")


def _copy_video(library: Library, delivery: Delivery) -> None:
    uid = library.post(f"{delivery.api}/copy").json()["result"]["uid"]
    for _ in range(2):
        library.get(f"{delivery.api}/{uid}")


def main() -> None:
    """Write the table into the documentation."""
    head, _, rest = DOCUMENT.read_text().partition(START)
    _, _, tail = rest.partition(END)
    with tempfile.TemporaryDirectory() as directory:
        DOCUMENT.write_text(f"{head}{START}\n{media_table(Path(directory))}\n{END}{tail}")


if __name__ == "__main__":
    main()

"""What metering adds to one call of each client, beside the same call of the bare client.

Usage: ``python benchmarks/wrapper_overhead.py [--rounds 15] [--calls 200]``. Clients run against transports that
answer from memory, so that what is measured is the client and the wrapper and not a network. Metered and bare rounds
alternate, and the spans go to an exporter that drops them. Prints one line of JSON: for each call the median
microseconds bare and metered, and the median of the differences between neighbouring rounds, by the clock and by the
processor time of the calling thread, which a busy machine does not stretch.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import spanledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

Library: TypeAlias = Any
"""A client library, used without its types."""

_BODY = b"x" * 1024


class _Nowhere(SpanExporter):
    """Drops what it is given."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take a batch."""
        del spans
        return SpanExportResult.SUCCESS


class _Answer:
    """The raw body of an answer of botocore's.

    Args:
        body: What is in it.
    """

    def __init__(self, body: bytes) -> None:
        self._size = len(body)
        self._left = body

    def read(self, amt: int | None = None) -> bytes:
        """Read on."""
        size = len(self._left) if amt is None else amt
        read, self._left = self._left[:size], self._left[size:]
        return read

    def stream(self, **_: object) -> Iterator[bytes]:
        """Everything."""
        return iter([self.read()])

    def tell(self) -> int:
        """Bytes read so far."""
        return self._size - len(self._left)

    def close(self) -> None:
        """Nothing to close."""


def _s3_calls() -> dict[str, Callable[[], object]]:
    response: Library = import_module("botocore.awsrequest").AWSResponse
    keys = {"region_name": "us-east-1", "aws_access_key_id": "id", "aws_secret_access_key": "key"}
    client: Library = import_module("boto3").client("s3", **keys)

    def answer(event_name: str, **_: object) -> object:
        body = _BODY if event_name.endswith("GetObject") else b""
        return response("https://s3", 200, {"content-length": str(len(body)), "ETag": '"tag"'}, _Answer(body))

    def read() -> object:
        return client.get_object(Bucket="b", Key="k")["Body"].read()

    client.meta.events.register("before-send.s3", answer)
    return {
        "s3.put_object": lambda: client.put_object(Bucket="b", Key="k", Body=_BODY),
        "s3.get_object": read,
        "s3.delete_object (not paid)": lambda: client.delete_object(Bucket="b", Key="k"),
    }


def _http_calls(name: str) -> dict[str, Callable[[], object]]:
    library: Library = import_module(name)

    class Stream(library.SyncByteStream):  # type: ignore[misc]  # used without its types
        """A body in one piece."""

        def __iter__(self) -> Iterator[bytes]:
            yield _BODY

    video = json.dumps({"result": {"uid": "u", "duration": 90.5}}).encode()

    def answer(request: Library) -> object:
        if request.url.path.startswith("/client"):
            return library.Response(200, content=video)
        return library.Response(200, stream=Stream())

    client = library.Client(transport=library.MockTransport(answer))
    return {
        f"{name} cloudfront": lambda: client.get("https://a.cloudfront.net/path"),
        f"{name} cloudflare_stream": lambda: client.get("https://api.cloudflare.com/client/v4/accounts/a/stream/u"),
        f"{name} other host (not paid)": lambda: client.get("https://example.com/path"),
    }


def _video_calls() -> dict[str, Callable[[], object]]:
    video: Library = import_module("google.cloud.videointelligence_v1")
    operation: Library = import_module("google.api_core.operation")
    operations: Library = import_module("google.longrunning.operations_pb2")
    transports: Library = import_module(
        "google.cloud.videointelligence_v1.services.video_intelligence_service.transports"
    )
    channel = import_module("grpc").insecure_channel("127.0.0.1:1")
    transport = transports.VideoIntelligenceServiceGrpcTransport(channel=channel)
    client = video.VideoIntelligenceServiceClient(transport=transport)
    pending, names = operations.Operation(name="o"), iter(range(1_000_000_000))

    def answer(*_: object, **__: object) -> object:
        return pending

    transport._wrapped_methods[transport.annotate_video] = answer  # noqa: SLF001 - no network
    segment = {"segment": {"end_time_offset": {"seconds": 300}}}
    result = video.AnnotateVideoResponse.pb(video.AnnotateVideoResponse({"annotation_results": [segment]}))

    def finished() -> object:
        done = operations.Operation(name=f"o{next(names)}", done=True)
        done.response.Pack(result)
        return operation.Operation(done, None, None, video.AnnotateVideoResponse).result()

    return {
        "google_video submit": lambda: client.annotate_video(input_uri="gs://b/v", features=[1]),
        "google_video result": finished,
    }


def _calls() -> dict[str, Callable[[], object]]:
    return {**_s3_calls(), **_http_calls("httpx"), **_http_calls("httpx2"), **_video_calls()}


def _microseconds(call: Callable[[], object], times: int) -> tuple[float, float]:
    """By the clock and by the processor."""
    started, processor = time.perf_counter(), time.thread_time()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times * 1e6, (time.thread_time() - processor) / times * 1e6


def _measure(rounds: int, times: int) -> dict[str, dict[str, float]]:
    calls = _calls()
    homes: list[Library] = [
        import_module(f"spanledger.calls.{home}") for home in ("s3", "httpx", "httpx2", "google_video")
    ]
    taken: dict[str, dict[bool, list[tuple[float, float]]]] = {name: {False: [], True: []} for name in calls}
    for turn in range(2 * rounds + 2):
        metered = turn % 2 == 1
        for home in homes:
            (home.instrument if metered else home.uninstrument)()
        for name, call in calls.items():
            spanledger.flush()
            gc.collect()
            with spanledger.execution("benchmark", user_id="user-1"):
                microseconds = _microseconds(call, times)
            if turn > 1:  # the first round of each warms up
                taken[name][metered].append(microseconds)
    return {name: _summary(both[False], both[True]) for name, both in taken.items()}


def _summary(bare: list[tuple[float, float]], metered: list[tuple[float, float]]) -> dict[str, float]:
    def differences(clock: int) -> list[float]:
        return [on[clock] - off[clock] for on, off in zip(metered, bare, strict=True)]

    return {
        "bare_us": round(statistics.median(one for one, _ in bare), 1),
        "metered_us": round(statistics.median(one for one, _ in metered), 1),
        "overhead_us": round(statistics.median(differences(0)), 1),
        "overhead_cpu_us": round(statistics.median(differences(1)), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Overhead of the wrappers around paid clients.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    spanledger.configure("benchmark", exporter=_Nowhere())
    print(json.dumps({"benchmark": "wrapper_overhead", "calls": _measure(arguments.rounds, arguments.calls)}))
    spanledger.shutdown()


if __name__ == "__main__":
    main()

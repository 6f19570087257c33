"""The real Video Intelligence clients against a loopback server: one record for each video, wherever it is seen."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
import threading
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest
from google.api_core.exceptions import BadRequest, InternalServerError, InvalidArgument

import spanledger
from spanledger.calls import google_video
from spanledger.guard import losses
from tests.instrumentation.calls.video_server import STARTED_AT, VideoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.instrumentation.recorder import Recorder

Client: TypeAlias = Any
Future: TypeAlias = Any
"""The library's types leave most of it open, so it is used without them."""

video: Any = import_module("google.cloud.videointelligence_v1")
transports: Any = import_module("google.cloud.videointelligence_v1.services.video_intelligence_service.transports")
operation: Any = import_module("google.api_core.operation")
polling: Any = import_module("google.api_core.future.polling")
credentials: Any = import_module("google.auth.credentials")

QUICKLY = polling.DEFAULT_POLLING.with_delay(initial=0.005, maximum=0.01).with_timeout(10)
LABELS = video.Feature.LABEL_DETECTION
SHOTS = video.Feature.SHOT_CHANGE_DETECTION


@pytest.fixture(scope="module")
def server() -> Iterator[VideoServer]:
    """The running service."""
    server = VideoServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def clients(server: VideoServer) -> Iterator[dict[str, Client]]:
    """The synchronous client over both transports."""
    channel = grpc.insecure_channel(server.target)
    over_grpc = transports.VideoIntelligenceServiceGrpcTransport(channel=channel)
    over_rest = transports.VideoIntelligenceServiceRestTransport(
        host=server.host, url_scheme="http", credentials=credentials.AnonymousCredentials()
    )
    yield {
        "grpc": video.VideoIntelligenceServiceClient(transport=over_grpc),
        "rest": video.VideoIntelligenceServiceClient(transport=over_rest),
    }
    channel.close()
    over_rest.close()


@pytest.fixture(params=["grpc", "rest"])
def client(clients: dict[str, Client], request: pytest.FixtureRequest) -> Client:
    """A client over each transport."""
    return clients[request.param]


def note(called: threading.Event, _: object) -> None:
    """A callback of the engine's."""
    called.set()


def annotate(client: Client, name: str, *features: int) -> Future:
    """Submit a video."""
    return client.annotate_video(input_uri=f"gs://media/{name}", features=list(features or [LABELS]))


def test_a_video_is_charged_by_its_minutes(recorder: Recorder, client: Client) -> None:
    """300 seconds cost 0.5, for whoever submitted, with the features, from when to when the provider worked."""
    with spanledger.execution("material_analysis", user_id="user-1", execution_id="e-1"):
        result = annotate(client, "300", LABELS, SHOTS).result(polling=QUICKLY)

    assert result.annotation_results[0].segment.end_time_offset.seconds == 300
    record = recorder.cost()
    assert (record["cost.service"], record["cost.operation"]) == ("google_video_ai", "video_analysis")
    assert (record["cost.quantity"], record["cost.unit"], record["cost.unit_cost"]) == ("5", "minutes", "0.1")
    assert record["cost.total_cost"] == "0.5"
    assert (record["user.id"], record["execution.id"]) == ("user-1", "e-1")
    assert record["cost.metadata.features"] == '["LABEL_DETECTION", "SHOT_CHANGE_DETECTION"]'
    completion = recorder.span("GoogleVideo.annotation")
    submission = recorder.span("GoogleVideo.AnnotateVideo")
    assert (completion.start_time, completion.end_time) == (STARTED_AT * 10**9, (STARTED_AT + 42) * 10**9)
    assert [link.context for link in completion.links] == [submission.get_span_context()]


@pytest.mark.parametrize("way", ["keywords", "request", "mapping"])
def test_a_submission_says_what_is_pending(recorder: Recorder, clients: dict[str, Client], way: str) -> None:
    """A result that nobody asks for leaves one span, without a cost, however the request was put."""
    fields: dict[str, Any] = {"input_uri": "gs://media/60", "features": [LABELS]}
    arguments = {"keywords": fields, "request": {"request": video.AnnotateVideoRequest(fields)}}.get(way)
    future = clients["grpc"].annotate_video(**(arguments or {"request": fields}))

    said = recorder.attributes("GoogleVideo.AnnotateVideo")
    assert said["cost.metadata.state"] == "pending"
    assert said["cost.metadata.features"] == '["LABEL_DETECTION"]'
    assert said["cost.metadata.input_uri"] == "gs://media/60"
    assert said["cost.metadata.operation_name"] == future.operation.name
    assert recorder.costs() == []


def test_asking_again_changes_nothing(recorder: Recorder, server: VideoServer, client: Client) -> None:
    """Twice, in a thread, by a callback, and by polls: one record, of the one who submitted; polls leave none."""
    called = threading.Event()
    before = server.polls
    with spanledger.execution("task", user_id="user-1"):
        future = annotate(client, "60")
    with spanledger.execution("task", user_id="user-2"):
        future.add_done_callback(partial(note, called))
        thread = threading.Thread(target=future.result, kwargs={"polling": QUICKLY})
        thread.start()
        future.result(polling=QUICKLY)
        future.result()
        thread.join()
        name = future.operation.name
        client.transport.operations_client.get_operation(name)

    assert called.wait(10)
    assert server.polls - before >= 2
    assert recorder.cost()["user.id"] == "user-1"
    names = [span.name for span in recorder.spans() if not span.name.startswith("execution")]
    assert sorted(names) == ["GoogleVideo.AnnotateVideo", "GoogleVideo.annotation"]


def test_a_result_that_comes_at_once_is_charged(recorder: Recorder, client: Client) -> None:
    """An operation that is done in the answer to its submission needs no poll."""
    with spanledger.execution("task", user_id="user-1"):
        annotate(client, "60+")

    record = recorder.cost()
    assert (record["cost.total_cost"], record["user.id"]) == ("0.1", "user-1")


def test_the_asynchronous_client_is_metered(recorder: Recorder, server: VideoServer) -> None:
    """Two users at once each have their own record, and asking twice makes no other."""

    async def analyse(client: Client, user: str, name: str) -> None:
        with spanledger.execution("task", user_id=user):
            future: Any = await client.annotate_video(input_uri=f"gs://media/{name}+", features=[LABELS])
            await future.result()
            await future.result()

    async def main() -> None:
        async with grpc.aio.insecure_channel(server.target) as channel:
            transport = transports.VideoIntelligenceServiceGrpcAsyncIOTransport(channel=channel)
            client = video.VideoIntelligenceServiceAsyncClient(transport=transport)
            await asyncio.gather(analyse(client, "user-1", "60"), analyse(client, "user-2", "120"))
            later: Any = await client.annotate_video(input_uri="gs://media/30", features=[LABELS])
            while not await later.done():
                pass
            with pytest.raises(InvalidArgument):
                await client.annotate_video(input_uri="gs://media/refused", features=[LABELS])

    asyncio.run(main())
    costs = sorted((str(one.get("user.id")), one["cost.total_cost"]) for one in recorder.costs())
    assert costs == [("None", "0.05"), ("user-1", "0.1"), ("user-2", "0.2")]
    assert inspect.iscoroutinefunction(video.VideoIntelligenceServiceAsyncClient.annotate_video)


@pytest.mark.parametrize(
    ("name", "minutes", "total"), [("halves", "1.508333333333", "0.150833333333"), ("shots", "1", "0.1")]
)
def test_footage_counts_once(
    recorder: Recorder, clients: dict[str, Client], name: str, minutes: str, total: str
) -> None:
    """Overlapping segments are not added up, and without any the shots of the video tell its length."""
    annotate(clients["grpc"], name, LABELS, SHOTS).result(polling=QUICKLY)

    record = recorder.cost()
    assert (record["cost.quantity"], record["cost.total_cost"]) == (minutes, total)


def test_a_result_without_segments_is_unpriced(recorder: Recorder, clients: dict[str, Client]) -> None:
    """What cannot be measured is said to be unpriced, not free."""
    annotate(clients["grpc"], "silent").result(polling=QUICKLY)

    record = recorder.cost()
    assert record["cost.source"] == "unpriced"
    assert "which footage" in str(record["cost.reason"])


def test_a_failed_annotation_costs_nothing(recorder: Recorder, client: Client) -> None:
    """The client's own error comes each time; one span says why, and none is a cost record."""
    future = annotate(client, "broken")
    for _ in range(2):
        with pytest.raises(InternalServerError, match="could not be decoded"):
            future.result(polling=QUICKLY)

    assert recorder.costs() == []
    failure = recorder.span("GoogleVideo.annotation")
    assert failure.status.description == "13: the video could not be decoded"


def test_a_refused_video_costs_nothing(recorder: Recorder, client: Client) -> None:
    """The exception is the client's own, and the submission's span says failed."""
    with pytest.raises(BadRequest, match="no such video") as raised:
        annotate(client, "refused")

    assert recorder.costs() == []
    said = str(recorder.span("GoogleVideo.AnnotateVideo").status.description)
    assert said.startswith(f"{type(raised.value).__name__}: ")


OTHER_PROCESS = """
import json, sys
import grpc, spanledger
from google.api_core.operation import Operation, from_gapic
from google.cloud import videointelligence_v1 as video
from google.cloud.videointelligence_v1.services.video_intelligence_service import transports
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

target, name = sys.argv[1:]
exporter = InMemorySpanExporter()
spanledger.configure("worker", exporter=exporter)
transport = transports.VideoIntelligenceServiceGrpcTransport(channel=grpc.insecure_channel(target))
with spanledger.execution("collect", user_id="user-1"):
    state = transport.operations_client.get_operation(name)
    kept = Operation.deserialize(state.SerializeToString())
    from_gapic(kept, transport.operations_client, video.AnnotateVideoResponse).result()
spanledger.flush()
found = [span for span in exporter.get_finished_spans() if span.name == "GoogleVideo.annotation"]
print(json.dumps([[hex(s.context.trace_id), hex(s.context.span_id), s.start_time, s.end_time, dict(s.attributes)]
                  for s in found]))
"""


def test_two_processes_make_the_same_record(
    recorder: Recorder, server: VideoServer, clients: dict[str, Client]
) -> None:
    """A process that has but the name makes the very span: ids, times, user and amount."""
    with spanledger.execution("collect", user_id="user-1"):
        future = annotate(clients["grpc"], "300")
        future.result(polling=QUICKLY)
    command = [sys.executable, "-c", OTHER_PROCESS, server.target, future.operation.name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    ((trace_id, span_id, start, end, attributes),) = json.loads(done.stdout)
    own = recorder.span("GoogleVideo.annotation")
    context = own.get_span_context()
    assert context is not None
    assert (trace_id, span_id) == (hex(context.trace_id), hex(context.span_id))
    assert (start, end) == (own.start_time, own.end_time)
    for name in ("user.id", "cost.total_cost", "cost.quantity", "cost.metadata.operation_name"):
        assert attributes[name] == recorder.cost()[name]


def test_a_result_by_name_is_charged_to_whom_it_is_read_for(
    recorder: Recorder, server: VideoServer, clients: dict[str, Client]
) -> None:
    """Where this process did not submit, the reader's identity counts."""
    state = server.annotate(video.AnnotateVideoRequest(input_uri="gs://media/60", features=[LABELS]))
    with spanledger.execution("task", user_id="user-9"):
        operations = clients["grpc"].transport.operations_client
        future: Future = operation.from_gapic(state, operations, video.AnnotateVideoResponse)
        future.result(polling=QUICKLY)

    record = recorder.cost()
    assert (record["user.id"], record["cost.total_cost"]) == ("user-9", "0.1")


def test_nothing_of_ours_goes_to_google(recorder: Recorder, server: VideoServer, client: Client) -> None:
    """Neither trace context nor baggage is in any call's headers."""
    del server.headers[:]
    with spanledger.execution("task", user_id="user-1"):
        annotate(client, "60").result(polling=QUICKLY)

    assert recorder.costs()
    assert len(server.headers) >= 3
    for headers in server.headers:
        assert not {"traceparent", "tracestate", "baggage"} & set(headers)
        assert "user-1" not in str(headers)


@pytest.mark.parametrize("hook", ["_requested", "outcome_of"])
def test_a_hook_that_raises_leaves_the_result_alone(
    recorder: Recorder,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    hook: str,
) -> None:
    """Where reading fails, the result comes all the same, and the failure is counted."""

    def fail(*_: object) -> None:
        raise RuntimeError(hook)

    before = sum(losses().values())
    monkeypatch.setattr(google_video, hook, fail)
    result = annotate(client, "60").result(polling=QUICKLY)

    assert result.annotation_results
    assert sum(losses().values()) > before
    assert len(recorder.spans()) >= 1


def test_metering_can_be_taken_off(recorder: Recorder, clients: dict[str, Client]) -> None:
    """Without the patches there is no span."""
    google_video.uninstrument()
    try:
        annotate(clients["grpc"], "60").result(polling=QUICKLY)
        assert recorder.spans() == []
    finally:
        google_video.instrument()

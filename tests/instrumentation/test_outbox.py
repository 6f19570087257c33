"""Delivery: from memory, from disk, later, and what happens where nothing of that is possible."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spanledger.guard import count_loss, losses
from spanledger.otlp import PARCEL_BYTES, Answer, Courier, Outcome, courier_for
from spanledger.outbox import MEMORY_BYTES, Outbox
from spanledger.spool import Parcel, Spool
from tests.instrumentation.collectors import GrpcCollector, HttpCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

LARGE = 1 << 30


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool of the test's own."""
    return Spool(tmp_path / "spool", LARGE)


@pytest.fixture
def collector() -> Iterator[HttpCollector]:
    """A collector that takes everything."""
    with HttpCollector() as collector:
        yield collector


def outbox(url: str, spool: Spool | None) -> Outbox:
    """An outbox to a collector."""
    return Outbox(partial(courier_for, url), lambda _: spool)


def spans(*names: str, **attributes: str) -> list[ReadableSpan]:
    """Ended spans."""
    behind = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(behind))
    for name in names:
        provider.get_tracer("test").start_span(name, attributes=attributes).end()
    return list(behind.get_finished_spans())


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fails after some seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def free_port() -> int:
    """A port where nobody listens."""
    with HttpCollector() as gone:
        return gone.port


def test_a_collector_that_answers_leaves_nothing_on_disk(collector: HttpCollector, spool: Spool) -> None:
    """What is delivered at once is never written down."""
    out = outbox(collector.url, spool)
    assert out.export(spans("a", "b")) is SpanExportResult.SUCCESS

    assert out.force_flush()
    assert collector.names() == ["a", "b"]
    assert not spool.directory.exists()
    out.shutdown()


@pytest.mark.parametrize("status", [307, 401, 404, 408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(collector: HttpCollector, spool: Spool, status: int) -> None:
    """Whatever says nothing of the request keeps it waiting, redirects and wrong keys too, until it is taken."""
    before = losses()
    collector.status = status
    out = outbox(collector.url, spool)
    out.export(spans("a"))
    assert not out.force_flush()
    assert not spool.is_empty()

    collector.status = 200
    wait_for(out.force_flush)
    assert collector.names() == ["a"]
    assert spool.is_empty()
    assert losses() == before
    out.shutdown()


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_refused_is_set_aside_and_counted(collector: HttpCollector, spool: Spool, status: int) -> None:
    """It is neither sent again nor in the way of what comes next."""
    before = losses().get("refused", 0)
    collector.status = status
    out = outbox(collector.url, spool)
    out.export(spans("bad", "worse"))
    assert out.force_flush()
    assert losses()["refused"] == before + 2

    collector.status = 200
    out.export(spans("good"))
    assert out.force_flush()
    assert "good" in collector.names()
    assert "bad" not in collector.names()
    assert [path.suffix for path in spool.directory.iterdir()] == [".refused"]
    out.shutdown()


def test_a_loss_is_told_with_the_next_batch_once(collector: HttpCollector) -> None:
    """As a span of its own with one attribute for each site."""
    out = outbox(collector.url, None)
    count_loss("test.told", "gone", count=7)
    for name in ("a", "b"):
        out.export(spans(name))
        assert out.force_flush()

    assert collector.names() == ["a", "b", "spanledger.losses"]
    [told] = [span for span in collector.spans() if span.name == "spanledger.losses"]
    assert {pair.key: pair.value.int_value for pair in told.attributes} == {"spanledger.losses.test.told": 7}
    out.shutdown()


def test_what_another_process_left_is_delivered(collector: HttpCollector, spool: Spool) -> None:
    """At the start, without a span of one's own."""
    gone = outbox(f"http://127.0.0.1:{free_port()}", spool)
    gone.export(spans("left"))
    gone.shutdown()
    assert not spool.is_empty()

    out = outbox(collector.url, Spool(spool.directory, LARGE))
    out.start()
    wait_for(lambda: collector.names() == ["left"])
    wait_for(spool.is_empty)
    out.shutdown()


def test_two_processes_share_a_spool(collector: HttpCollector, spool: Spool) -> None:
    """Each delivers what it gets hold of; together everything, and nothing twice."""
    gone = outbox(f"http://127.0.0.1:{free_port()}", spool)
    for number in range(20):
        gone.export(spans(f"{number:02}"))
        gone.secure(0)
    outs = [outbox(collector.url, Spool(spool.directory, LARGE)) for _ in range(2)]
    for out in outs:
        out.start()

    wait_for(lambda: len(collector.names()) >= 20)
    for out in outs:
        out.force_flush()
        out.shutdown()
    gone.shutdown()
    assert collector.names() == [f"{number:02}" for number in range(20)]


class _HeldCourier(Courier):
    """A courier who is on the way until he is let go, and then finds nobody."""

    endpoint = "http://nobody"

    def __init__(self) -> None:
        self.is_on_the_way = threading.Event()
        self.may_return = threading.Event()

    def deliver(self, parcel: Parcel) -> Answer:
        """Find nobody, whatever it is."""
        self.is_on_the_way.set()
        self.may_return.wait(10)
        return Answer(Outcome.AWAY, f"nobody takes {parcel.spans} spans")

    def close(self) -> None:
        """Nothing to give up."""


def test_a_flush_that_fails_leaves_everything_on_disk(spool: Spool) -> None:
    """Also where it was the spool of another process whose delivery failed, while the new batch was in memory."""
    gone = outbox(f"http://127.0.0.1:{free_port()}", spool)
    gone.export(spans("left"))
    gone.shutdown()
    courier = _HeldCourier()
    out = Outbox(lambda: courier, lambda _: Spool(spool.directory, LARGE))
    out.start()
    assert courier.is_on_the_way.wait(10)
    out.export(spans("new"))
    threading.Timer(0.05, courier.may_return.set).start()

    assert not out.force_flush()
    assert len(spool.waiting()) == 2
    out.shutdown()


def test_a_collector_that_comes_back_gets_everything(spool: Spool) -> None:
    """First what waited, then what is new, without anybody asking."""
    port = free_port()
    out = outbox(f"http://127.0.0.1:{port}", spool)
    out.export(spans("early"))
    assert not out.force_flush()
    with HttpCollector(port) as back:
        wait_for(lambda: back.names() == ["early"])
        out.export(spans("late"))
        assert out.force_flush()
        assert back.names() == ["early", "late"]
        out.shutdown()


def test_without_a_disk_memory_has_to_do(tmp_path: Path) -> None:
    """A spool that cannot be written loses nothing as long as there is room in memory, and the engine runs."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    port = free_port()
    out = outbox(f"http://127.0.0.1:{port}", Spool(blocked / "spool", LARGE))
    assert out.export(spans("kept")) is SpanExportResult.SUCCESS
    assert not out.force_flush()
    with HttpCollector(port) as back:
        wait_for(lambda: back.names() == ["kept"])
        out.shutdown()


@pytest.mark.parametrize("most_bytes", [None, 10])
def test_what_fits_nowhere_is_counted(tmp_path: Path, most_bytes: int | None) -> None:
    """No spool, or a full one, and a process that ends."""
    before = losses().get("spool", 0)
    spool = None if most_bytes is None else Spool(tmp_path, most_bytes)
    out = outbox(f"http://127.0.0.1:{free_port()}", spool)
    out.export(spans("a", "b", "c"))
    out.shutdown()

    assert losses()["spool"] == before + 3
    assert out.export(spans("d")) is SpanExportResult.FAILURE
    assert losses()["spool"] == before + 4


def test_memory_is_bounded() -> None:
    """A collector that does not answer and no disk: beyond the limit batches are lost and counted."""
    before = losses().get("spool", 0)
    out = outbox(f"http://127.0.0.1:{free_port()}", None)
    batch = spans("large", text="x" * (PARCEL_BYTES - 1_000))
    results = [out.export(batch) for _ in range(MEMORY_BYTES // PARCEL_BYTES + 3)]

    assert SpanExportResult.FAILURE in results
    assert losses()["spool"] == before + results.count(SpanExportResult.FAILURE)
    out.shutdown()


def test_a_large_batch_is_halved(collector: HttpCollector) -> None:
    """No request is larger than receivers take, unless a single span is."""
    out = outbox(collector.url, None)
    out.export(spans("a", "b", "c", "d", text="x" * (PARCEL_BYTES // 3)))

    assert out.force_flush()
    assert collector.names() == ["a", "b", "c", "d"]
    assert len(collector.requests) == 2
    out.shutdown()


def test_the_collector_says_when_to_come_back(collector: HttpCollector, spool: Spool) -> None:
    """Until then nothing is sent, but flushing asks at once."""
    collector.status, collector.headers = 503, {"retry-after": "3600"}
    out = outbox(collector.url, spool)
    out.export(spans("a"))
    assert not out.force_flush()
    asked = collector.asked
    collector.status = 200
    out.export(spans("b"))
    threading.Event().wait(0.05)
    assert collector.asked == asked

    assert out.force_flush()
    assert collector.names() == ["a", "b"]
    out.shutdown()


def test_compression_is_the_environments(monkeypatch: pytest.MonkeyPatch, spool: Spool) -> None:
    """Requests are compressed on their way, and lie uncompressed in the spool."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    courier = courier_for("http://127.0.0.1:1")
    [parcel] = courier.pack(spans("a"))
    spool.append(parcel)
    spool.release()
    courier.close()

    assert b"test" in parcel.body
    assert vars(courier)["_compression"] == "gzip"


@pytest.mark.parametrize(
    ("code", "site"), [(grpc.StatusCode.UNAVAILABLE, None), (grpc.StatusCode.INVALID_ARGUMENT, "refused")]
)
def test_the_same_over_grpc(
    monkeypatch: pytest.MonkeyPatch, spool: Spool, code: grpc.StatusCode, site: str | None
) -> None:
    """What may pass waits in the spool; what is refused is set aside."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    before = losses().get("refused", 0)
    with GrpcCollector() as collector:
        collector.code = code
        out = outbox(collector.url, spool)
        out.export(spans("a"))
        assert out.force_flush() == (site is not None)

        collector.code = grpc.StatusCode.OK
        assert out.force_flush()
        out.shutdown()
        assert collector.names() == ([] if site else ["a"])
    assert losses().get("refused", 0) - before == (1 if site else 0)


def test_a_forked_child_leaves_the_parents_batches_alone(spool: Spool) -> None:
    """It neither delivers nor spools them a second time."""
    out = outbox(f"http://127.0.0.1:{free_port()}", spool)
    out.export(spans("parent"))
    assert not out.force_flush()
    child = os.fork()
    if child == 0:
        out.export(spans("child"))
        out.shutdown()
        os._exit(0)
    os.waitpid(child, 0)
    out.shutdown()

    with HttpCollector() as collector:
        heir = outbox(collector.url, Spool(spool.directory, LARGE))
        assert heir.force_flush()
        heir.start()
        wait_for(lambda: len(collector.names()) == 2)
        assert collector.names() == ["child", "parent"]
        heir.shutdown()

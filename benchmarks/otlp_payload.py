"""OTLP requests for benchmarks, and a sender that keeps connections and obeys the receiver."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

__all__ = ["distinct_bodies", "request_body", "send_all", "send_at"]

_SPANS_A_REQUEST = 500
_BODIES = 10
_MARK = b"\x00-mark-\x00"
_END = 0x5C1A_55C1_A55C_1A55
"""Stands for the end of a span until its request is sent."""
_DURATIONS = tuple(range(50_000_000, 1_000_000_000, 190_000_000))
_SENDERS = 4


def request_body(
    spans: int, rng: random.Random, user_id: str | None = None, trace_prefix: bytes = b"", ended_ns: int | None = None
) -> bytes:
    """One request of cost records with twelve attributes each, about 445 bytes a span.

    Args:
        spans: How many.
        rng: Decides about identifiers and values.
        user_id: The user of every span; None draws one of a thousand for each.
        trace_prefix: What every trace id begins with, 16 bytes at most.
        ended_ns: When every span ended; None means now.
    """
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _set(resource_spans.resource.attributes.add(), "service.name", "engine")
    scope_spans = resource_spans.scope_spans.add()
    ended_ns = time.time_ns() if ended_ns is None else ended_ns
    for _ in range(spans):
        span = scope_spans.spans.add()
        span.trace_id = trace_prefix + rng.randbytes(16 - len(trace_prefix))
        span.span_id = rng.randbytes(8)
        span.name, span.kind = "chat gpt-4", Span.SPAN_KIND_CLIENT
        span.start_time_unix_nano, span.end_time_unix_nano = ended_ns - rng.choice(_DURATIONS), ended_ns
        for key, value in _attributes(rng, user_id).items():
            _set(span.attributes.add(), key, value)
    return request.SerializeToString()


def distinct_bodies(spans: int, rng: random.Random) -> Iterator[bytes]:
    """Requests without end, no span of which is another's repeat and all of which just ended, for copying bytes."""
    made = [request_body(spans, rng, trace_prefix=_MARK, ended_ns=_END) for _ in range(_BODIES)]
    for body in itertools.cycle(made):
        now, sent = time.time_ns(), body.replace(_MARK, rng.randbytes(len(_MARK)))
        for before in (0, *_DURATIONS):
            sent = sent.replace(_fixed64(_END - before), _fixed64(now - before))
        yield sent


def _fixed64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def send_at(url: str, rate: int, stopped: threading.Event) -> int:
    """Send so many new spans a second to a receiver until told to stop; fewer where it does not take them in time.

    Args:
        url: The receiver.
        rate: Spans a second; 0 sends none.
        stopped: Set it to end the sending.

    Returns:
        How many spans were acknowledged.
    """
    sent = [0] * _SENDERS

    def send(number: int) -> None:
        bodies, due = distinct_bodies(_SPANS_A_REQUEST, random.Random(number)), time.monotonic()  # noqa: S311 - not a secret
        while not stopped.wait(max(0.0, due - time.monotonic())):
            send_all(url, [next(bodies)], 1)
            sent[number] += _SPANS_A_REQUEST
            due = max(due + _SPANS_A_REQUEST * _SENDERS / rate, time.monotonic() - 1)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(_SENDERS if rate else 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(sent)


def send_all(url: str, bodies: Sequence[bytes], connections: int) -> None:
    """Send every body to a receiver's traces path; those refused with 503 or 429 again, after the pause it asks for."""
    waiting: SimpleQueue[bytes] = SimpleQueue()
    for body in bodies:
        waiting.put(body)
    threads = [threading.Thread(target=_send, args=(url, waiting)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send(url: str, waiting: SimpleQueue[bytes]) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    while True:
        try:
            body = waiting.get_nowait()
        except Empty:
            return
        while True:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == http.client.OK:
                break
            time.sleep(float(answer.headers.get("Retry-After", "1")))


def _attributes(rng: random.Random, user_id: str | None) -> dict[str, str | int]:
    return {
        "cost.service": "openai",
        "cost.operation": "gpt-4_video_selection_segment_select",
        "cost.quantity": rng.randrange(5000),
        "cost.unit": "tokens",
        "cost.unit_cost": "0.00004",
        "cost.total_cost": f"0.{rng.randrange(10**6):06d}",
        "user.id": user_id or f"user-{rng.randrange(1000)}",
        "execution.id": f"execution-{rng.randrange(100_000)}",
        "gen_ai.request.model": "gpt-4",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.operation.name": "chat",
    }


def _set(pair: KeyValue, key: str, value: str | int) -> None:
    pair.key = key
    if isinstance(value, str):
        pair.value.string_value = value
    else:
        pair.value.int_value = value

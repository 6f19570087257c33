"""How fast and at what cost of CPU spans travel from an HTTP body to queryable records.

Usage: ``python benchmarks/ingest.py [--requests 400] [--spans 500] [--connections 4]``. It starts ``spanledger
collector`` on loopback with a fresh ledger, sends the requests over kept-alive connections from this process, and
prints one line of JSON.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--spans", type=int, default=500, help="spans a request, each with 12 attributes")
    parser.add_argument("--connections", type=int, default=4)
    told = parser.parse_args()
    bodies = [_body(told.spans, random.Random(number)) for number in range(told.requests)]  # noqa: S311 - not a secret
    with tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory:
        print(json.dumps(_measure(bodies, told.requests * told.spans, told.connections, Path(directory))))


def _measure(bodies: list[bytes], spans: int, connections: int, directory: Path) -> dict[str, object]:
    command = [
        sys.executable,
        "-m",
        "spanledger_api",
        "collector",
        "--dsn",
        f"chdb://{directory}",
        "--otlp-http-port",
        "0",
        "--otlp-grpc-port",
        "0",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101 - the pipe was asked for
        url = json.loads(process.stdout.readline())["otlp_http"]
        before = _cpu_seconds(process.pid)
        began = time.perf_counter()
        _send_all(url, bodies, connections)
        acknowledged = time.perf_counter() - began
        while any((directory / "segments").iterdir()):
            time.sleep(0.01)
        loaded = time.perf_counter() - began
        return {
            "spans": spans,
            "bytes_per_span": round(sum(map(len, bodies)) / spans),
            "acknowledged_spans_per_second": round(spans / acknowledged),
            "loaded_spans_per_second": round(spans / loaded),
            "cpu_seconds_per_million_spans": round((_cpu_seconds(process.pid) - before) / spans * 1e6, 2),
            "peak_memory_mib": _peak_memory_mib(process.pid),
        }
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _send_all(url: str, bodies: list[bytes], connections: int) -> None:
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


def _body(spans: int, rng: random.Random) -> bytes:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _set(resource_spans.resource.attributes.add(), "service.name", "engine")
    scope_spans = resource_spans.scope_spans.add()
    now = time.time_ns()
    for _ in range(spans):
        span = scope_spans.spans.add()
        span.trace_id, span.span_id = rng.randbytes(16), rng.randbytes(8)
        span.name, span.kind = "chat gpt-4", Span.SPAN_KIND_CLIENT
        span.start_time_unix_nano, span.end_time_unix_nano = now, now + rng.randrange(10**9)
        for key, value in _attributes(rng).items():
            _set(span.attributes.add(), key, value)
    return request.SerializeToString()


def _attributes(rng: random.Random) -> dict[str, str | int]:
    return {
        "cost.service": "openai",
        "cost.operation": "gpt-4_video_selection_segment_select",
        "cost.quantity": rng.randrange(5000),
        "cost.unit": "tokens",
        "cost.unit_cost": "0.00004",
        "cost.total_cost": f"0.{rng.randrange(10**6):06d}",
        "user.id": f"user-{rng.randrange(1000)}",
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


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def _peak_memory_mib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


if __name__ == "__main__":
    main()

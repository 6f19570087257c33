"""What bursts of spans cost an engine, and how many are lost, with Spanledger's queue and with the SDK's defaults.

Usage: ``python benchmarks/bursts.py``. Each burst runs in an engine of its own against a loopback collector that only
counts; the exits run against a collector that accepts connections and never answers. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BURSTS = ((2_000, 1), (5_000, 1), (50_000, 1), (50_000, 8))

SETUPS = {
    "spanledger": "import spanledger; spanledger.configure(endpoint=url)",
    "sdk": (
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import BatchSpanProcessor\n"
        "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url + '/v1/traces')))\n"
        "trace.set_tracer_provider(provider)"
    ),
}

ENGINE = """
import json, logging, sys, threading, time
from opentelemetry import trace
logging.disable()
url, spans, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
{setup}
tracer = trace.get_tracer("burst")
attributes = {{f"key.{{number}}": f"value-{{number}}" for number in range(12)}}
def burst():
    for _ in range(spans // threads): tracer.start_span("burst", attributes=attributes).end()
running = [threading.Thread(target=burst) for _ in range(threads)]
began = time.perf_counter()
for thread in running: thread.start()
for thread in running: thread.join()
print((time.perf_counter() - began) / spans * 1e6)
"""


class _Counter(ThreadingHTTPServer):
    """A collector that counts spans."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _CountingHandler)
        self.bodies: list[bytes] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def spans(self) -> int:
        """Spans in everything received."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return sum(
            len(scope.spans)
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
        )


class _CountingHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a batch."""
        assert isinstance(self.server, _Counter)  # noqa: S101 - it is what starts handlers
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


def main() -> None:
    """Run every burst and every exit."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    figures: dict[str, object] = {}
    for name, setup in SETUPS.items():
        for spans, threads in BURSTS:
            burst = f"{threads}x{spans // threads}"
            lost, microseconds = _burst(setup, spans, threads)
            figures[f"{name}_{burst}_lost"] = lost
            figures[f"{name}_{burst}_us_per_span"] = round(microseconds, 1)
        figures[f"{name}_dead_endpoint_exit_seconds"] = round(_exit(setup), 1)
    print(json.dumps(figures))


def _burst(setup: str, spans: int, threads: int) -> tuple[int, float]:
    """Spans that did not arrive by the end of the engine, and microseconds that the engine spent on each."""
    counter = _Counter()
    output = _engine(setup, counter.url, spans, threads)
    counter.shutdown()
    counter.server_close()
    return spans - counter.spans(), float(output)


def _exit(setup: str) -> float:
    """Seconds from the end of the work to the end of the process."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        began = time.perf_counter()
        _engine(setup, url, 1, 1)
        idle = time.perf_counter() - began
        began = time.perf_counter()
        _engine(f"{setup}\nimport os, atexit\natexit._clear()", url, 1, 1)
        return idle - (time.perf_counter() - began)


def _engine(setup: str, url: str, spans: int, threads: int) -> str:
    with tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory:
        command = [sys.executable, "-c", ENGINE.format(setup=setup), url, str(spans), str(threads)]
        variables = os.environ | {"SPANLEDGER_SPOOL_DIR": directory}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=variables).stdout


if __name__ == "__main__":
    main()

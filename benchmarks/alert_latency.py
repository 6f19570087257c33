"""How soon after a span's end its alert is delivered, from the engine's exporter to a webhook on loopback.

Usage: ``python benchmarks/alert_latency.py [--alerts 200] [--rate 5000]``. Spans of 2 USD end one after the other
while cheap ones arrive at the given rate at ``spanledger up``; a receiver on loopback notes when each notice comes.
Prints one line of JSON with milliseconds from the end of the span to the notice, and the share of one processor that
an idle process with alerts takes.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import spanledger
from measured_process import MeasuredProcess
from otlp_payload import request_body, send_all
from spanledger import environment

_SPANS_A_REQUEST = 500
_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 60.0
_IDLE_SECONDS = 10.0


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=200)
    parser.add_argument("--rate", type=int, default=5_000, help="cheap spans a second beside them")
    told = parser.parse_args()
    noticed: dict[str, float] = {}
    receiver = _receiver(noticed)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory:
        ports = [word for name in ("otlp-http", "otlp-grpc", "api") for word in (f"--{name}-port", "0")]
        dsn = f"chdb://{Path(directory) / 'ledger'}"
        command = [sys.executable, "-m", "spanledger_api", "up", "--dsn", dsn, *ports]
        hook = {environment.ALERT_WEBHOOK_URL: f"http://127.0.0.1:{receiver.server_port}/"}
        with MeasuredProcess(command, hook) as ledger:
            otlp: str = json.loads(ledger.stdout.readline())["otlp_http"]
            idle = _idle_share(ledger)
            stopped = threading.Event()
            load = threading.Thread(target=_send_at, args=(otlp, told.rate, stopped))
            load.start()
            ended = _expensive_spans(otlp, told.alerts)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while len(noticed) < told.alerts and time.monotonic() < deadline:
                time.sleep(0.05)
            stopped.set()
            load.join()
    receiver.shutdown()
    delays = [(noticed[name] - moment) * 1000 for name, moment in ended.items() if name in noticed]
    print(json.dumps({"rate": told.rate, "sent": len(ended), **_figures(delays), "idle_cpu_share": idle}))


def _receiver(noticed: dict[str, float]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            noticed.setdefault(str(document["alert"]["operation"]), time.time())
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def _idle_share(ledger: MeasuredProcess) -> float:
    time.sleep(2)
    before = ledger.cpu_seconds()
    time.sleep(_IDLE_SECONDS)
    return round((ledger.cpu_seconds() - before) / _IDLE_SECONDS, 3)


def _send_at(otlp: str, rate: int, stopped: threading.Event) -> None:
    rng = random.Random(0)  # noqa: S311 - not a secret
    bodies = [request_body(_SPANS_A_REQUEST, rng) for _ in range(40)]
    due, number = time.monotonic(), 0
    while not stopped.is_set():
        send_all(otlp, [bodies[number % len(bodies)]], 1)
        number += 1
        due += _SPANS_A_REQUEST / max(rate, 1)
        time.sleep(max(0.0, due - time.monotonic()))


def _expensive_spans(otlp: str, count: int) -> dict[str, float]:
    """Spend through the engine's own exporter; when each span ended, by its operation."""
    spanledger.configure("benchmark", endpoint=otlp)
    ended: dict[str, float] = {}
    for number in range(count):
        name = f"dear-{number}"
        spanledger.record_cost(service="s3", operation=name, quantity=1, unit="GB", total_cost=2, duration=1)
        ended[name] = time.time()
        time.sleep(_PAUSE_SECONDS)
    return ended


def _figures(delays: list[float]) -> dict[str, object]:
    ranked = statistics.quantiles(delays, n=100, method="inclusive")
    return {
        "delivered": len(delays),
        "p50_ms": round(ranked[49]),
        "p99_ms": round(ranked[98]),
        "max_ms": round(max(delays)),
    }


if __name__ == "__main__":
    main()

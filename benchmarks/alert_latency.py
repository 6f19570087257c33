"""How soon after a span's end its alert is delivered, from the engine's exporter to a webhook on loopback.

Usage: ``python benchmarks/alert_latency.py [--alerts 200] [--rate 5000]``. Spans of 2 USD end one after the other
while cheap ones arrive at the given rate at ``spanledger up``; a receiver on loopback notes when each notice comes.
Prints one line of JSON with milliseconds from the end of the span to the notice, and the share of one processor that
an idle process with alerts takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import spanledger
from served_ledger import arriving, served_ledger
from spanledger import environment

if TYPE_CHECKING:
    from measured_process import MeasuredProcess

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
        dsn = f"chdb://{Path(directory) / 'ledger'}"
        hook = {environment.ALERT_WEBHOOK_URL: f"http://127.0.0.1:{receiver.server_port}/"}
        with served_ledger(dsn, hook) as (ledger, addresses):
            otlp, idle = addresses["otlp_http"], _idle_share(ledger)
            with arriving(otlp, told.rate):
                ended = _expensive_spans(otlp, told.alerts)
                deadline = time.monotonic() + _PATIENCE_SECONDS
                while len(noticed) < told.alerts and time.monotonic() < deadline:
                    time.sleep(0.05)
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

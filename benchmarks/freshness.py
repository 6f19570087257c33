"""How soon after its acknowledgement a span is in the reports, while other spans arrive.

Usage: ``python benchmarks/freshness.py [--rate 20000] [--seconds 20]``. Requests of 500 spans go to ``spanledger up``
on loopback at the given rate; every quarter of a second one request is a marker, and its user is asked for until it is
there. Prints one line of JSON with milliseconds from acknowledgement to visibility.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from otlp_payload import request_body, send_all
from served_ledger import arriving, served_ledger

_MARKER_PAUSE_SECONDS = 0.25


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000, help="spans a second")
    parser.add_argument("--seconds", type=int, default=20)
    told = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory,
        served_ledger(f"chdb://{Path(directory) / 'ledger'}") as (ledger, addresses),
    ):
        with arriving(addresses["otlp_http"], told.rate):
            delays = _markers(addresses, told.seconds)
        print(json.dumps({"rate": told.rate, **_figures(delays), "memory_mib": ledger.memory_mib()}))


def _markers(addresses: dict[str, str], seconds: int) -> list[float]:
    """Milliseconds until each marker was visible."""
    rng = random.Random(1)  # noqa: S311 - not a secret
    delays: list[float] = []
    end = time.monotonic() + seconds
    with httpx.Client(base_url=addresses["clickhouse"], timeout=30) as reader:
        while time.monotonic() < end:
            user = f"marker-{len(delays)}"
            send_all(addresses["otlp_http"], [request_body(1, rng, user)], 1)
            acknowledged = time.perf_counter()
            query = "SELECT count() FROM spanledger.cost_records WHERE user_id = {user:String}"
            while reader.post("/", params={"param_user": user}, content=query).raise_for_status().text.strip() == "0":
                time.sleep(0.01)
            delays.append((time.perf_counter() - acknowledged) * 1000)
            time.sleep(_MARKER_PAUSE_SECONDS)
    return delays


def _figures(delays: list[float]) -> dict[str, object]:
    ranked = statistics.quantiles(delays, n=100, method="inclusive")
    return {
        "markers": len(delays),
        "p50_ms": round(ranked[49]),
        "p99_ms": round(ranked[98]),
        "max_ms": round(max(delays)),
    }


if __name__ == "__main__":
    main()

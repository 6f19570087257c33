"""How soon after its acknowledgement a span is in the tables and in the reports, while other spans arrive.

Usage: ``python benchmarks/freshness.py [--rate 20000] [--seconds 20]``. Requests of 500 spans go to ``spanledger up``
on loopback at the given rate; every now and then one request is a marker, and its user is asked for until it is
there: for so many seconds in SQL, then for as many in the report by user. Prints one line of JSON with milliseconds
from acknowledgement to visibility.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from otlp_payload import request_body, send_all
from served_ledger import arriving, served_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_PAUSE_SECONDS = 0.75
"""The pause after a marker is up to so long, by chance: segments close at even intervals, which it must not keep to."""


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
        with (
            arriving(addresses["otlp_http"], told.rate),
            httpx.Client(base_url=addresses["clickhouse"], timeout=30) as sql,
            httpx.Client(base_url=addresses["api"], timeout=30) as api,
        ):
            found = {
                "tables": _markers(addresses["otlp_http"], told.seconds, "sql", partial(_is_in_tables, sql)),
                "reports": _markers(addresses["otlp_http"], told.seconds, "report", partial(_is_in_report, api)),
            }
        figures = {where: _figures(delays) for where, delays in found.items()}
        print(json.dumps({"rate": told.rate, **figures, "memory_mib": ledger.memory_mib()}))


def _markers(receiver: str, seconds: int, name: str, is_there: Callable[[str], bool]) -> list[float]:
    """Milliseconds until each marker was visible."""
    # Of its name, so that no span is sent twice.
    rng = random.Random(name)  # noqa: S311 - not a secret
    delays: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        user = f"{name}-{len(delays)}"
        send_all(receiver, [request_body(1, rng, user)], 1)
        acknowledged = time.perf_counter()
        while not is_there(user):
            time.sleep(0.01)
        delays.append((time.perf_counter() - acknowledged) * 1000)
        time.sleep(rng.uniform(0, _LONGEST_PAUSE_SECONDS))
    return delays


def _is_in_tables(sql: httpx.Client, user: str) -> bool:
    query = "SELECT count() FROM spanledger.cost_records WHERE user_id = {user:String}"
    return sql.post("/", params={"param_user": user}, content=query).raise_for_status().text.strip() != "0"


def _is_in_report(api: httpx.Client, user: str) -> bool:
    report = api.get("/api/analytics/cost/users", params={"period": "daily", "userId": user})
    return bool(report.raise_for_status().json())


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

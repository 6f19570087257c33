"""How many people can read at once while spans arrive.

Usage: ``python benchmarks/readers.py [--readers 32] [--rate 5000] [--seconds 20] [--records 1000000]``. A ledger with
so many records of ninety days, all summed up, is served by ``spanledger up`` on loopback and given spans at the rate;
meanwhile each reader asks for one report after the other, none of them remembered by an entity tag. Prints one line of
JSON: requests a second, milliseconds, and how often which status other than 200 was answered.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx

from filled_ledger import fill_ledger, settle_ledger
from served_ledger import arriving, served_ledger
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate

_PATHS = (
    "/api/analytics/cost/users?period=monthly&topN=10",
    "/api/analytics/cost/services?period=monthly",
    "/api/analytics/cost/trend?period=daily&days=30",
    "/api/analytics/cost/prompts?period=monthly",
    "/api/analytics/performance/bottleneck?taskType=video_generation",
    "/api/analytics/recommendations?period=monthly",
)


class _Seen:
    """What the readers were answered, gathered from all of them."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self.refused: Counter[str] = Counter()


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=32)
    parser.add_argument("--rate", type=int, default=5_000, help="spans a second meanwhile")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--records", type=int, default=1_000_000, help="records in the ledger before")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory:
        dsn = f"chdb://{Path(directory) / 'ledger'}"
        with open_ledger(dsn) as ledger:
            migrate(ledger)
            fill_ledger(ledger, told.records)
            settle_ledger(ledger, 3600, lambda _: None)
        with served_ledger(dsn) as (server, addresses):
            seen = _read_while_sending(addresses, told.readers, told.rate, told.seconds)
            figures = {"readers": told.readers, "rate": told.rate, **_figures(seen, told.seconds)}
            print(json.dumps({**figures, "memory_mib": server.memory_mib()}))


def _read_while_sending(addresses: dict[str, str], readers: int, rate: int, seconds: int) -> _Seen:
    seen, stopped = _Seen(), threading.Event()
    threads = [
        threading.Thread(target=_read, args=(addresses["api"], number, seen, stopped)) for number in range(readers)
    ]
    with arriving(addresses["otlp_http"], rate):
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        stopped.set()
    for thread in threads:
        thread.join()
    return seen


def _read(api: str, number: int, seen: _Seen, stopped: threading.Event) -> None:
    with httpx.Client(base_url=api, timeout=60) as client:
        for path in itertools.islice(itertools.cycle(_PATHS), number, None):
            if stopped.is_set():
                return
            started = time.perf_counter()
            try:
                answer = client.get(path)
            except httpx.HTTPError as error:
                seen.refused[type(error).__name__] += 1
                continue
            if answer.is_success:
                seen.milliseconds.append((time.perf_counter() - started) * 1000)
            else:
                seen.refused[str(answer.status_code)] += 1


def _figures(seen: _Seen, seconds: int) -> dict[str, object]:
    ranked = statistics.quantiles(seen.milliseconds, n=100, method="inclusive")
    return {
        "requests_per_second": round(len(seen.milliseconds) / seconds, 1),
        "p50_ms": round(ranked[49]),
        "p99_ms": round(ranked[98]),
        "errors": dict(seen.refused),
    }


if __name__ == "__main__":
    main()

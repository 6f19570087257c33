"""How fast, and for how much processor time, spans travel from an HTTP body to queryable records.

Usage: ``python benchmarks/ingest.py [--requests 400] [--spans 500] [--connections 4]``. The same requests go up to
three ways on loopback, one after the other, each into a fresh embedded ledger:

- ``spanledger``: our receiver, write-ahead log and loader;
- ``otelcol``: the OpenTelemetry Collector as otel-collector.yaml configures it, through clickhouseexporter and the
  ClickHouse port of ``spanledger up`` (where ``make collector`` has built it);
- ``rotel``: the Rust collector of that name with its ClickHouse exporter, the same port (where the tests of clients
  have installed it).

One line of JSON a way. Processor time is that of every process on the way but the sender's.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from measured_process import MeasuredProcess
from otlp_payload import request_body, send_all
from served_ledger import served_ledger
from spanledger import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    _Way = Callable[[ExitStack, Path, dict[str, str]], tuple[str, list[MeasuredProcess]]]

_ROOT = Path(__file__).parents[1]
_OTELCOL = _ROOT / "collector" / "build" / "spanledger-otelcol"
_ROTEL = next((_ROOT / ".cache" / "clients").glob("rotel-*/lib/python*/site-packages/rotel/rotel-agent"), None)
_GIVE_UP_SECONDS = 300.0


def main() -> None:
    """Run every way that can run here and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--spans", type=int, default=500, help="spans a request, each with 12 attributes")
    parser.add_argument("--connections", type=int, default=4)
    told = parser.parse_args()
    bodies = [request_body(told.spans, random.Random(number)) for number in range(told.requests)]  # noqa: S311 - no secret
    ways = {"spanledger": _straight}
    if _OTELCOL.exists():
        ways["otelcol"] = _otelcol
    if _ROTEL is not None:
        ways["rotel"] = _rotel
    for name, way in ways.items():
        with tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory, ExitStack() as running:
            figures = _measure(running, way, Path(directory), bodies, told.requests * told.spans, told.connections)
            print(json.dumps({"way": name, **figures}), flush=True)


def _measure(  # noqa: PLR0913, PLR0917 - what is sent, which way, and where
    running: ExitStack, way: _Way, directory: Path, bodies: Sequence[bytes], spans: int, connections: int
) -> dict[str, object]:
    ledger, addresses = running.enter_context(served_ledger(f"chdb://{directory / 'ledger'}"))
    otlp, before_it = way(running, directory, addresses)
    processes = [ledger, *before_it]
    _wait_until(lambda: _answers(otlp))
    used = sum(process.cpu_seconds() for process in processes)
    began = time.perf_counter()
    send_all(otlp, bodies, connections)
    acknowledged = time.perf_counter() - began
    _wait_until(lambda: _ask(addresses["clickhouse"], "SELECT count() FROM spanledger.otel_traces") >= spans)
    # The views fill their tables right after; asked for only now, since counting distinct records costs time itself.
    _wait_until(lambda: _ask(addresses["clickhouse"], "SELECT count() FROM spanledger.cost_records") == spans)
    loaded = time.perf_counter() - began
    used = sum(process.cpu_seconds() for process in processes) - used
    return {
        "spans": spans,
        "bytes_per_span": round(sum(map(len, bodies)) / spans),
        "acknowledged_spans_per_second": round(spans / acknowledged),
        "loaded_spans_per_second": round(spans / loaded),
        "cpu_seconds_per_million_spans": round(used / spans * 1e6, 2),
        "peak_memory_mib": {"ledger": ledger.memory_mib(), "before_it": sum(p.memory_mib() for p in before_it)},
    }


def _straight(running: ExitStack, directory: Path, addresses: dict[str, str]) -> tuple[str, list[MeasuredProcess]]:
    """Our own receiver, with nothing before it."""
    del running, directory
    return addresses["otlp_http"], []


def _otelcol(running: ExitStack, directory: Path, addresses: dict[str, str]) -> tuple[str, list[MeasuredProcess]]:
    """The OpenTelemetry Collector, into the ClickHouse port."""
    port = _free_port()
    variables = {
        environment.OTLP_HTTP_PORT: str(port),
        environment.OTLP_GRPC_PORT: str(_free_port()),
        environment.CLICKHOUSE_ENDPOINT: addresses["clickhouse"],
        environment.OTELCOL_STORAGE: str(directory / "otelcol"),
        environment.OTELCOL_MEMORY_MIB: "2048",
    }
    command = [str(_OTELCOL), "--config", str(_ROOT / "otel-collector.yaml")]
    return f"http://127.0.0.1:{port}", [running.enter_context(MeasuredProcess(command, variables))]


def _rotel(running: ExitStack, directory: Path, addresses: dict[str, str]) -> tuple[str, list[MeasuredProcess]]:
    """The Rust collector, into the ClickHouse port."""
    del directory
    port = _free_port()
    command = [
        *(str(_ROTEL), "start"),
        *("--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{_free_port()}"),
        *("--exporter", "clickhouse", "--clickhouse-exporter-endpoint", addresses["clickhouse"]),
        *("--clickhouse-exporter-database", "spanledger", "--clickhouse-exporter-async-insert", "false"),
    ]
    return f"http://127.0.0.1:{port}", [running.enter_context(MeasuredProcess(command))]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        return httpx.post(
            f"{url}/v1/traces", content=b"", headers={"content-type": "application/x-protobuf"}
        ).is_success
    except httpx.TransportError:
        return False


def _ask(clickhouse: str, query: str) -> int:
    """The one number that a query on the ledger answers."""
    return int(httpx.post(clickhouse, content=query, timeout=60).raise_for_status().text)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            message = f"It did not happen within {_GIVE_UP_SECONDS} s; spans may have been lost on the way."
            raise TimeoutError(message)
        time.sleep(0.02)


if __name__ == "__main__":
    main()

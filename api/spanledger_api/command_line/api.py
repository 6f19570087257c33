"""``spanledger api``: serve the reports of one ledger over HTTP."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from spanledger import environment
from spanledger_api.command_line.options import (
    block_stop_signals,
    dsn_option,
    host_option,
    port_option,
    tls_options,
)
from spanledger_api.command_line.output import print_json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command("api")
@dsn_option
@host_option
@port_option("--port", 8000, environment.API_PORT, "Port of the API")
@tls_options
@click.option(
    "--workers/--no-workers",
    default=None,
    help="Price, sum up and alert in the background; of all processes of a ledger one does.  [default: on a server]",
)
def command(  # noqa: PLR0913 - click hands every option over as an argument
    *, dsn: str, host: str, port: int, tls_cert: Path | None, tls_key: Path | None, workers: bool | None
) -> None:
    """Serve the reports over HTTP until told to stop.

    The ledger must have been migrated. Once the API answers, one JSON line on stdout says where. More throughput is
    more processes over a server's ledger: an embedded one belongs to a single process.
    """
    from spanledger_api.access.gate import open_gate  # noqa: PLC0415 - the engine and the API are slow to load
    from spanledger_api.app import create_app  # noqa: PLC0415
    from spanledger_api.http_server import HttpServer  # noqa: PLC0415
    from spanledger_api.tls import certificate_from_files  # noqa: PLC0415
    from spanledger_api.workers import start_workers  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import check_schema  # noqa: PLC0415

    stopped = block_stop_signals()
    certificate = certificate_from_files(tls_cert, tls_key)
    with ExitStack() as running:
        ledger = running.enter_context(open_ledger(dsn))
        gate = running.enter_context(open_gate(ledger))
        gate.require_closed(host)
        server = running.enter_context(HttpServer(create_app(ledger, gate=gate), host, port, certificate))
        # Collectors that write to a server themselves leave this work to whoever reads.
        if workers if workers is not None else not ledger.dsn.embedded:
            check_schema(ledger)
            start_workers(running, ledger)
        print_json({"ready": True, "api": server.url})
        signal.sigwait(stopped)

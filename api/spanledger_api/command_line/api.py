"""``spanledger api``: serve the reports of one ledger over HTTP."""

from __future__ import annotations

import signal

import click

from spanledger import environment
from spanledger_api.command_line.options import block_stop_signals, dsn_option, host_option, port_option
from spanledger_api.command_line.output import print_json

__all__ = ["command"]


@click.command("api")
@dsn_option
@host_option
@port_option("--port", 8000, environment.API_PORT, "Port of the API")
def command(dsn: str, host: str, port: int) -> None:
    """Serve the reports over HTTP until told to stop.

    The ledger must have been migrated. Once the API answers, one JSON line on stdout says where. More throughput is
    more processes over a server's ledger: an embedded one belongs to a single process.
    """
    from spanledger_api.app import create_app  # noqa: PLC0415 - the engine and the API are slow to load
    from spanledger_api.http_server import HttpServer  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415

    stopped = block_stop_signals()
    with open_ledger(dsn) as ledger, HttpServer(create_app(ledger), host, port) as server:
        print_json({"ready": True, "api": server.url})
        signal.sigwait(stopped)

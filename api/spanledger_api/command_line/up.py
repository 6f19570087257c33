"""``spanledger up``: collector, ledger and API in one process."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack

import click

from spanledger import environment
from spanledger_api.command_line.options import (
    block_stop_signals,
    clickhouse_port_option,
    dsn_option,
    host_option,
    otlp_grpc_port_option,
    otlp_http_port_option,
    port_option,
)

__all__ = ["command"]


@click.command("up")
@dsn_option
@host_option
@otlp_http_port_option
@otlp_grpc_port_option
@port_option("--api-port", 8000, environment.API_PORT, "Port of the API")
@clickhouse_port_option
def command(  # noqa: PLR0913, PLR0917 - click hands every option over as an argument
    dsn: str, host: str, otlp_http_port: int, otlp_grpc_port: int, api_port: int, clickhouse_port: int | None
) -> None:
    """Run collector, ledger and API in one process.

    Once all of them answer, one JSON line on stdout says where. SIGTERM ends it, with everything acknowledged loaded.
    """
    from spanledger_api.app import create_app  # noqa: PLC0415 - the engine and the API are slow to load
    from spanledger_api.http_server import HttpServer  # noqa: PLC0415
    from spanledger_api.serving import serve_clickhouse, serve_collector  # noqa: PLC0415
    from spanledger_api.workers import start_workers  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import migrate  # noqa: PLC0415

    stopped = block_stop_signals()
    with ExitStack() as running:
        ledger = running.enter_context(open_ledger(dsn))
        migrate(ledger)
        api = running.enter_context(HttpServer(create_app(ledger), host, api_port))
        start_workers(running, ledger)
        addresses = serve_collector(running, ledger, host, otlp_http_port, otlp_grpc_port)
        ready = {"ready": True, **addresses, "api": api.url}
        if clickhouse_port is not None:
            ready["clickhouse"] = serve_clickhouse(running, ledger, host, clickhouse_port)
        click.echo(json.dumps(ready))
        signal.sigwait(stopped)
        click.echo("spanledger: stopping, loading what was acknowledged", err=True)

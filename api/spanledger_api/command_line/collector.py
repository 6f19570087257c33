"""``spanledger collector``: receive OTLP and load it, without the API."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack

import click

from spanledger_api.command_line.options import (
    block_stop_signals,
    dsn_option,
    host_option,
    otlp_grpc_port_option,
    otlp_http_port_option,
)

__all__ = ["command"]


@click.command("collector")
@dsn_option
@host_option
@otlp_http_port_option
@otlp_grpc_port_option
def command(dsn: str, host: str, otlp_http_port: int, otlp_grpc_port: int) -> None:
    """Receive OTLP and load it into the ledger.

    Once it answers, one JSON line on stdout says where. SIGTERM ends it, with everything acknowledged loaded.
    """
    from spanledger_api.serving import serve_collector  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import migrate  # noqa: PLC0415

    stopped = block_stop_signals()
    with ExitStack() as running:
        ledger = running.enter_context(open_ledger(dsn))
        migrate(ledger)
        addresses = serve_collector(running, ledger, host, otlp_http_port, otlp_grpc_port)
        click.echo(json.dumps({"ready": True, **addresses}))
        signal.sigwait(stopped)
        click.echo("spanledger: stopping, loading what was acknowledged", err=True)

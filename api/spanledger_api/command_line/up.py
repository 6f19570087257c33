"""``spanledger up``: collector, ledger and API in one process."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack

import click

from spanledger import environment
from spanledger_api.command_line.options import block_stop_signals, dsn_option, host_option, port_option
from spanledger_api.http_server import HttpServer

__all__ = ["command"]


@click.command("up")
@dsn_option
@host_option
@port_option("--otlp-http-port", 4318, environment.OTLP_HTTP_PORT, "Port of the OTLP/HTTP receiver")
@port_option("--api-port", 8000, environment.API_PORT, "Port of the API")
def command(dsn: str, host: str, otlp_http_port: int, api_port: int) -> None:
    """Run collector, ledger and API in one process.

    Once all of them answer, one JSON line on stdout says where. SIGTERM ends it, with everything acknowledged loaded.
    """
    from spanledger_api.app import create_app  # noqa: PLC0415 - after the options are known to be right
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import migrate  # noqa: PLC0415
    from spanledger_collector.pipeline import Pipeline  # noqa: PLC0415

    stopped = block_stop_signals()
    with ExitStack() as running:
        ledger = running.enter_context(open_ledger(dsn))
        migrate(ledger)
        pipeline = Pipeline(ledger)
        receiver = HttpServer(pipeline.receiver, host, otlp_http_port)
        api = HttpServer(create_app(ledger), host, api_port)
        # Left in reverse order: the receiver closes its port, then what it acknowledged is loaded, then the ledger.
        running.enter_context(api)
        pipeline.start()
        running.callback(pipeline.stop)
        running.enter_context(receiver)
        click.echo(json.dumps({"ready": True, "otlp_http": receiver.url, "api": api.url}))
        signal.sigwait(stopped)
        click.echo("spanledger: stopping, loading what was acknowledged", err=True)

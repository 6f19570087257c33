"""``spanledger collector``: receive OTLP and load it, without the API."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack

import click

from spanledger import environment
from spanledger_api.command_line.options import block_stop_signals, dsn_option, host_option, port_option
from spanledger_api.http_server import HttpServer

__all__ = ["command"]


@click.command("collector")
@dsn_option
@host_option
@port_option("--otlp-http-port", 4318, environment.OTLP_HTTP_PORT, "Port of the OTLP/HTTP receiver")
def command(dsn: str, host: str, otlp_http_port: int) -> None:
    """Receive OTLP and load it into the ledger.

    Once it answers, one JSON line on stdout says where. SIGTERM ends it, with everything acknowledged loaded.
    """
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415 - the engine is slow to load
    from spanledger_clickhouse.migrations import migrate  # noqa: PLC0415
    from spanledger_collector.pipeline import Pipeline  # noqa: PLC0415

    stopped = block_stop_signals()
    with ExitStack() as running:
        ledger = running.enter_context(open_ledger(dsn))
        migrate(ledger)
        pipeline = Pipeline(ledger)
        receiver = HttpServer(pipeline.receiver, host, otlp_http_port)
        pipeline.start()
        running.callback(pipeline.stop)
        running.enter_context(receiver)
        click.echo(json.dumps({"ready": True, "otlp_http": receiver.url}))
        signal.sigwait(stopped)
        click.echo("spanledger: stopping, loading what was acknowledged", err=True)

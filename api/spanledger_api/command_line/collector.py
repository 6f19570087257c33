"""``spanledger collector``: receive OTLP and load it, without the API."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from pathlib import Path

import click

from spanledger import environment
from spanledger_api.command_line.options import (
    block_stop_signals,
    dsn_option,
    host_option,
    otlp_grpc_port_option,
    otlp_http_port_option,
    tls_options,
)

__all__ = ["command"]


@click.command("collector")
@dsn_option
@host_option
@otlp_http_port_option
@otlp_grpc_port_option
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=environment.COLLECTOR_DIRECTORY,
    help="Where acknowledged requests wait to be loaded; needed for a ledger on a server, one for each collector.",
)
@tls_options
@click.option(
    "--rating/--no-rating",
    default=True,
    show_default=True,
    help="Price what arrives without an amount; one process that does so is enough for a ledger.",
)
def command(  # noqa: PLR0913 - click hands every option over as an argument
    *,
    dsn: str,
    host: str,
    otlp_http_port: int,
    otlp_grpc_port: int,
    directory: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    rating: bool,
) -> None:
    """Receive OTLP and load it into the ledger.

    Once it answers, one JSON line on stdout says where. SIGTERM ends it, with everything acknowledged loaded.

    On a server, any number of collectors work side by side on one ledger; `spanledger migrate` prepares it.
    """
    from spanledger_api.access.gate import open_gate  # noqa: PLC0415 - the engine is slow to load
    from spanledger_api.access.local_changes import record_schema  # noqa: PLC0415
    from spanledger_api.serving import serve_collector  # noqa: PLC0415
    from spanledger_api.tls import certificate_from_files  # noqa: PLC0415
    from spanledger_api.workers import start_workers  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import check_schema, migrate  # noqa: PLC0415

    stopped = block_stop_signals()
    certificate = certificate_from_files(tls_cert, tls_key)
    with ExitStack() as running:
        ledger = running.enter_context(open_ledger(dsn))
        # Only an embedded ledger has one process to change it; on a server that is for whoever operates it.
        if ledger.dsn.embedded:
            record_schema(ledger, migrate(ledger), ())
        else:
            check_schema(ledger)
        gate = running.enter_context(open_gate(ledger))
        gate.require_closed(host)
        if rating:
            start_workers(running, ledger)
        addresses = serve_collector(
            running, ledger, host, otlp_http_port, otlp_grpc_port, directory, gate=gate, certificate=certificate
        )
        click.echo(json.dumps({"ready": True, **addresses}))
        signal.sigwait(stopped)
        click.echo("spanledger: stopping, loading what was acknowledged", err=True)

"""``spanledger up``: collector, ledger and API in one process."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

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
    retain_option,
    tls_options,
)

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_api.access.gate import Gate
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["command"]


@click.command("up")
@dsn_option
@host_option
@otlp_http_port_option
@otlp_grpc_port_option
@port_option("--api-port", 8000, environment.API_PORT, "Port of the API")
@clickhouse_port_option
@retain_option
@tls_options
@click.option(
    "--create-admin-key", is_flag=True, help="Make a key of role admin, unless there is one, and print it on stderr."
)
def command(  # noqa: PLR0913 - click hands every option over as an argument
    *,
    dsn: str,
    host: str,
    otlp_http_port: int,
    otlp_grpc_port: int,
    api_port: int,
    clickhouse_port: int | None,
    retain: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    create_admin_key: bool,
) -> None:
    """Run collector, ledger and API in one process.

    Once all of them answer, one JSON line on stdout says where. SIGTERM ends it, with everything acknowledged loaded.

    While there are no keys everybody on this machine may do everything, and no other address than loopback is listened
    on. `spanledger keys` makes keys; from the first one on every request needs one.
    """
    from spanledger_api.access.gate import open_gate  # noqa: PLC0415 - the engine and the API are slow to load
    from spanledger_api.access.local_changes import record_schema  # noqa: PLC0415
    from spanledger_api.app import create_app  # noqa: PLC0415
    from spanledger_api.http_server import HttpServer  # noqa: PLC0415
    from spanledger_api.serving import serve_clickhouse, serve_collector  # noqa: PLC0415
    from spanledger_api.tls import certificate_from_files  # noqa: PLC0415
    from spanledger_api.workers import start_workers  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import migrate  # noqa: PLC0415
    from spanledger_clickhouse.retention import apply_retention, parse_retention  # noqa: PLC0415

    stopped = block_stop_signals()
    certificate = certificate_from_files(tls_cert, tls_key)
    wanted = parse_retention(retain)
    with ExitStack() as running:
        ledger = running.enter_context(open_ledger(dsn))
        record_schema(ledger, migrate(ledger), apply_retention(ledger, wanted))
        gate = running.enter_context(open_gate(ledger))
        if create_admin_key:
            _create_admin_key(ledger, gate)
        gate.require_closed(host)
        api = running.enter_context(HttpServer(create_app(ledger, gate=gate), host, api_port, certificate))
        start_workers(running, ledger)
        addresses = serve_collector(
            running, ledger, host, otlp_http_port, otlp_grpc_port, gate=gate, certificate=certificate
        )
        ready = {"ready": True, **addresses, "api": api.url}
        if clickhouse_port is not None:
            ready["clickhouse"] = serve_clickhouse(
                running, ledger, host, clickhouse_port, gate=gate, certificate=certificate
            )
        click.echo(json.dumps(ready))
        signal.sigwait(stopped)
        click.echo("spanledger: stopping, loading what was acknowledged", err=True)


def _create_admin_key(ledger: Ledger, gate: Gate) -> None:
    from spanledger_api.access import Action  # noqa: PLC0415 - slow to load
    from spanledger_api.access.keys import NewKey, has_administrator, issue_key, read_keys  # noqa: PLC0415
    from spanledger_api.access.local_changes import record_key  # noqa: PLC0415
    from spanledger_api.access.principal import COMMAND_LINE, Role  # noqa: PLC0415

    if has_administrator(read_keys(ledger), datetime.now(UTC)):
        click.echo("spanledger: there is a key of role admin already; none was made", err=True)
        return
    key, made = issue_key(ledger, NewKey(name="first administrator", role=Role.ADMIN), COMMAND_LINE)
    record_key(ledger, Action.KEY_CREATED, made)
    gate.keys.refresh()
    click.echo(f"spanledger: the key of the administrator, shown this once ({made.key_id}): {key}", err=True)

"""What the commands that serve share: options, each declared once, and how they end."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from spanledger import environment

if TYPE_CHECKING:
    from collections.abc import Callable

_Command = TypeVar("_Command", bound="Callable[..., object]")

__all__ = [
    "DEFAULT_DSN",
    "block_stop_signals",
    "clickhouse_port_option",
    "dsn_option",
    "host_option",
    "otlp_grpc_port_option",
    "otlp_http_port_option",
    "port_option",
    "retain_option",
    "tls_options",
]

DEFAULT_DSN = "chdb://./spanledger-data"
"""An embedded ledger below the current directory."""

dsn_option = click.option(
    "--dsn",
    default=DEFAULT_DSN,
    envvar=environment.DSN,
    show_default=True,
    help="Where the ledger is: chdb:///directory or clickhouse://user:password@host:8123/database.",
)

host_option = click.option(
    "--host", default="127.0.0.1", envvar=environment.HOST, show_default=True, help="Address to listen on."
)


def port_option(name: str, default: int, variable: str, what: str) -> Callable[[_Command], _Command]:
    """An option for a port to listen on.

    Args:
        name: The option, e.g. ``--api-port``.
        default: The port where neither option nor variable names one.
        variable: The environment variable that names one.
        what: What listens there.
    """
    return click.option(
        name,
        type=click.IntRange(0, 65535),
        default=default,
        envvar=variable,
        show_default=True,
        help=f"{what}; 0 takes a free one.",
    )


otlp_http_port_option = port_option(
    "--otlp-http-port", 4318, environment.OTLP_HTTP_PORT, "Port of the OTLP/HTTP receiver"
)
otlp_grpc_port_option = port_option(
    "--otlp-grpc-port", 4317, environment.OTLP_GRPC_PORT, "Port of the OTLP/gRPC receiver"
)

retain_option = click.option(
    "--retain",
    default="",
    envvar=environment.RETAIN,
    metavar="NAME=DAYSd,…",
    help="How long to keep otel_traces, usage_spans or performance_records, e.g. otel_traces=60d or …=forever.",
)

clickhouse_port_option = click.option(
    "--clickhouse-port",
    type=click.IntRange(0, 65535),
    default=None,
    envvar=environment.CLICKHOUSE_PORT,
    help="Port of ClickHouse's HTTP interface on an embedded ledger; 0 takes a free one.  [default: closed]",
)


def tls_options(command: _Command) -> _Command:
    """The options of servers that can speak TLS."""
    file = click.Path(dir_okay=False, path_type=Path)
    certificate = click.option(
        "--tls-cert", type=file, envvar=environment.TLS_CERT_FILE, help="PEM file with the certificate to present."
    )
    key = click.option("--tls-key", type=file, envvar=environment.TLS_KEY_FILE, help="PEM file with its key.")
    return certificate(key(command))


def block_stop_signals() -> set[signal.Signals]:
    """Block the signals that end the process, in every thread started from now on, so that one place waits for them.

    Returns:
        The signals to wait for with ``signal.sigwait``.
    """
    stopped = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopped)
    return stopped

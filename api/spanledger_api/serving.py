"""The collector and ClickHouse's protocol on their ports: started so that nothing is lost, stopped in reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger.exceptions import ConfigurationError
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess
from spanledger_collector.grpc_receiver import GrpcReceiver
from spanledger_collector.pipeline import Pipeline

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from spanledger_clickhouse.http_interface import Access
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["serve_clickhouse", "serve_collector"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def serve_collector(  # noqa: PLR0913, PLR0917 - where it listens and what it writes to
    running: ExitStack,
    ledger: Ledger,
    host: str,
    http_port: int,
    grpc_port: int,
    directory: Path | None = None,
) -> dict[str, str]:
    """Receive OTLP on both ports and load it, until ``running`` is left.

    On the way out the ports close first, then what was acknowledged is loaded.

    Args:
        running: Takes what must be stopped.
        ledger: A ledger with the current schema.
        host: Address to listen on.
        http_port: Port of OTLP/HTTP; 0 takes a free one.
        grpc_port: Port of OTLP/gRPC; 0 takes a free one.
        directory: Where acknowledged requests wait; None takes the directory of an embedded ledger.

    Returns:
        Where each receiver answers, by the name of its protocol.

    Raises:
        ConfigurationError: A port is taken, or the ledger is on a server and there is no directory.
    """
    pipeline = Pipeline(ledger, directory)
    http = HttpServer(pipeline.http, host, http_port)
    grpc = GrpcReceiver(pipeline.intake, host, grpc_port)
    pipeline.start()
    running.callback(pipeline.stop)
    running.enter_context(http)
    grpc.start()
    running.callback(grpc.stop)
    return {"otlp_http": http.url, "otlp_grpc": grpc.address}


def serve_clickhouse(running: ExitStack, ledger: Ledger, host: str, port: int, access: Access | None = None) -> str:
    """Answer ClickHouse's HTTP protocol over an embedded ledger, until ``running`` is left.

    Args:
        running: Takes what must be stopped.
        ledger: An embedded ledger with the current schema.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        access: Who may do what; None lets everybody do everything who is on this machine.

    Returns:
        Where it answers.

    Raises:
        ConfigurationError: The port is taken, the ledger is on a server, or without ``access`` other machines could
            reach the port.
    """
    if access is None and host not in _LOOPBACK:
        message = f"The ClickHouse port asks for no keys, so it cannot listen on {host}; use 127.0.0.1."
        raise ConfigurationError(message)
    interface = ClickHouseInterface(ledger, access or LoopbackAccess())
    return running.enter_context(HttpServer(interface, host, port)).url

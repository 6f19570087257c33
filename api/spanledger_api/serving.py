"""The collector on its ports and the rater behind it, started in the order that loses nothing, stopped in reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger.exceptions import ConfigurationError
from spanledger.pricing import Calculator, PriceBook
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess
from spanledger_clickhouse.periodic import Periodic
from spanledger_clickhouse.rating import Rater
from spanledger_collector.grpc_receiver import GrpcReceiver
from spanledger_collector.pipeline import Pipeline

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from spanledger_clickhouse.http_interface import Access
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["serve_clickhouse", "serve_collector"]

_RATER_PAUSE_SECONDS = 0.5
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def serve_collector(  # noqa: PLR0913, PLR0917 - where it listens and what it writes to
    running: ExitStack,
    ledger: Ledger,
    host: str,
    http_port: int,
    grpc_port: int,
    directory: Path | None = None,
    *,
    rating: bool = True,
) -> dict[str, str]:
    """Receive OTLP on both ports, load it and rate what has no amount, until ``running`` is left.

    On the way out the ports close first, then what was acknowledged is loaded.

    Args:
        running: Takes what must be stopped.
        ledger: A ledger with the current schema.
        host: Address to listen on.
        http_port: Port of OTLP/HTTP; 0 takes a free one.
        grpc_port: Port of OTLP/gRPC; 0 takes a free one.
        directory: Where acknowledged requests wait; None takes the directory of an embedded ledger.
        rating: Whether this process prices what arrives without an amount.

    Returns:
        Where each receiver answers, by the name of its protocol.

    Raises:
        ConfigurationError: A port is taken, or the ledger is on a server and there is no directory.
    """
    # Prices are read first: a broken file must stop the start, not the rater later.
    rater = Periodic(
        "rater", Rater(ledger, Calculator(PriceBook.from_environment())).rate_pending, _RATER_PAUSE_SECONDS
    )
    pipeline = Pipeline(ledger, directory)
    http = HttpServer(pipeline.http, host, http_port)
    grpc = GrpcReceiver(pipeline.intake, host, grpc_port)
    pipeline.start()
    if rating:
        running.callback(rater.stop)
    running.callback(pipeline.stop)
    if rating:
        rater.start()
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

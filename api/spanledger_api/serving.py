"""The collector on its ports, started in the order that loses nothing and stopped in the reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger_api.http_server import HttpServer
from spanledger_collector.grpc_receiver import GrpcReceiver
from spanledger_collector.pipeline import Pipeline

if TYPE_CHECKING:
    from contextlib import ExitStack

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["serve_collector"]


def serve_collector(running: ExitStack, ledger: Ledger, host: str, http_port: int, grpc_port: int) -> dict[str, str]:
    """Receive OTLP on both ports and load it, until ``running`` is left.

    On the way out the ports close first, then what was acknowledged is loaded.

    Args:
        running: Takes what must be stopped.
        ledger: An embedded ledger with the current schema.
        host: Address to listen on.
        http_port: Port of OTLP/HTTP; 0 takes a free one.
        grpc_port: Port of OTLP/gRPC; 0 takes a free one.

    Returns:
        Where each receiver answers, by the name of its protocol.

    Raises:
        ConfigurationError: A port is taken, or the ledger is not embedded.
    """
    pipeline = Pipeline(ledger)
    http = HttpServer(pipeline.http, host, http_port)
    grpc = GrpcReceiver(pipeline.intake, host, grpc_port)
    pipeline.start()
    running.callback(pipeline.stop)
    running.enter_context(http)
    grpc.start()
    running.callback(grpc.stop)
    return {"otlp_http": http.url, "otlp_grpc": grpc.address}

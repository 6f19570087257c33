"""The collector and ClickHouse's protocol on their ports: started so that nothing is lost, stopped in reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger.exceptions import ConfigurationError
from spanledger_api.access.gate import is_loopback
from spanledger_api.access.ports import ClickHouseKeys, OtlpKeys
from spanledger_api.http_server import HttpServer
from spanledger_clickhouse.http_interface import ClickHouseInterface, LoopbackAccess
from spanledger_collector.grpc_receiver import GrpcReceiver
from spanledger_collector.pipeline import Pipeline

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from spanledger_api.access.gate import Gate
    from spanledger_api.tls import Certificate
    from spanledger_clickhouse.http_interface import Access
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["serve_clickhouse", "serve_collector"]


def serve_collector(  # noqa: PLR0913, PLR0917 - where it listens and what it writes to
    running: ExitStack,
    ledger: Ledger,
    host: str,
    http_port: int,
    grpc_port: int,
    directory: Path | None = None,
    *,
    gate: Gate | None = None,
    certificate: Certificate | None = None,
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
        gate: Decides who may send; None lets everybody who is on this machine.
        certificate: What to speak TLS with; None speaks without.

    Returns:
        Where each receiver answers, by the name of its protocol.

    Raises:
        ConfigurationError: A port is taken, the ledger is on a server and there is no directory, or without ``gate``
            other machines could reach the ports.
    """
    _require_gate(gate, host)
    keys = None if gate is None else OtlpKeys(gate)
    pipeline = Pipeline(ledger, directory, admission=keys)
    http = HttpServer(pipeline.http, host, http_port, certificate)
    credentials = None if certificate is None else certificate.grpc_credentials()
    grpc = GrpcReceiver(pipeline.intake, host, grpc_port, admission=keys, credentials=credentials)
    pipeline.start()
    running.callback(pipeline.stop)
    running.enter_context(http)
    grpc.start()
    running.callback(grpc.stop)
    return {"otlp_http": http.url, "otlp_grpc": grpc.address}


def serve_clickhouse(  # noqa: PLR0913 - where it listens and who may come
    running: ExitStack,
    ledger: Ledger,
    host: str,
    port: int,
    access: Access | None = None,
    *,
    gate: Gate | None = None,
    certificate: Certificate | None = None,
) -> str:
    """Answer ClickHouse's HTTP protocol over an embedded ledger, until ``running`` is left.

    Args:
        running: Takes what must be stopped.
        ledger: An embedded ledger with the current schema.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        access: Who may do what; None asks the gate.
        gate: Decides who may come; None lets everybody do everything who is on this machine.
        certificate: What to speak TLS with; None speaks without.

    Returns:
        Where it answers.

    Raises:
        ConfigurationError: The port is taken, the ledger is on a server, or without anybody who asks for keys other
            machines could reach the port.
    """
    if access is None:
        _require_gate(gate, host)
        access = LoopbackAccess() if gate is None else ClickHouseKeys(gate)
    return running.enter_context(HttpServer(ClickHouseInterface(ledger, access), host, port, certificate)).url


def _require_gate(gate: Gate | None, host: str) -> None:
    if gate is not None:
        gate.require_closed(host)
    elif not is_loopback(host):
        message = f"This port asks for no keys, so it cannot listen on {host}; use 127.0.0.1."
        raise ConfigurationError(message)

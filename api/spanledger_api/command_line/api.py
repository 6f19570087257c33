"""``spanledger api``: serve the reports of one ledger over HTTP."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import click
import uvicorn

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger_api.app import create_app
from spanledger_api.command_line.output import print_json
from spanledger_clickhouse.ledger import open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]

_BACKLOG = 512


class _AnnouncingServer(uvicorn.Server):
    """A server that says so once it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as usual, then announce it."""
        await super().startup(sockets)
        if self.started:
            self._announce()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        message = (
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --host or --port; 0 takes a free one."
        )
        raise ConfigurationError(message) from error


@click.command(name="api")
@click.option("--dsn", envvar=environment.DSN, required=True, help="The ledger: chdb:///directory or clickhouse://….")
@click.option("--host", envvar=environment.HOST, default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    envvar=environment.API_PORT,
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
def command(dsn: str, host: str, port: int) -> None:
    """Serve the reports over HTTP until told to stop.

    The ledger must have been migrated. One line of JSON with the address goes to stdout once it answers.
    """
    with open_ledger(dsn) as ledger, _listen(host, port) as listener:
        # One worker: an embedded engine belongs to one process, and more API processes are more replicas, not workers.
        config = uvicorn.Config(create_app(ledger), log_level="warning", access_log=False, server_header=False)
        bound = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        server = _AnnouncingServer(config, lambda: print_json({"ready": True, "api": f"http://{shown}:{bound}"}))
        server.run(sockets=[listener])

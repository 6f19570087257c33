"""A connection to the ledger: one interface for the engine in this process and for a server."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from spanledger.exceptions import ConfigurationError, LedgerUnavailableError
from spanledger_clickhouse.directory_lock import DirectoryLock
from spanledger_clickhouse.dsn import Dsn, parse_dsn

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import TracebackType

    from clickhouse_connect.driver.client import Client

__all__ = ["Ledger", "open_ledger"]

_READ_SETTINGS = {
    # Every repeat of a span has the start time of the first, hence the same partition.
    "do_not_merge_across_partitions_select_final": "1",
}
_ENGINE_OPTIONS = {
    # Inserts come as whole segments; collecting them again would only delay the answer.
    "async_insert": "0",
    # The engine takes 90 % of the machine otherwise; it is a guest in the engine's own process.
    "max_server_memory_usage": str(2 * 1024**3),
    "mark_cache_size": str(256 * 1024**2),
}
_ENGINE_FILE = "engine.xml"
_ENGINE_CONFIGURATION = """<clickhouse>
    <!-- The engine's own logs would outgrow the ledger; the collector and the API have theirs. -->
    <logger><level>none</level></logger>
</clickhouse>
"""


class Ledger:
    """Runs statements against one ledger, from any thread.

    Each statement borrows a client of its own, since a client runs one statement at a time; idle ones are kept.
    Close it, or use it as a context manager: an embedded engine is held by one process at a time.

    Attributes:
        dsn: Where the ledger is.
    """

    def __init__(self, dsn: Dsn) -> None:
        self.dsn = dsn
        self._idle: list[Client] = []
        self._lock = threading.Lock()
        self._held = DirectoryLock(dsn.path) if dsn.path is not None else None
        if self._held is not None:
            self._held.acquire()
            (self._held.path / _ENGINE_FILE).write_text(_ENGINE_CONFIGURATION)
        try:
            self._idle.append(self._connect())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        """Run a statement that returns rows.

        Args:
            sql: One statement; values come in as ``{name:Type}``, bound by the engine.
            parameters: The values by name.

        Returns:
            One mapping a row: ``Decimal`` for decimals, aware UTC ``datetime`` for times.

        Raises:
            ClickHouseError: The engine refused the statement; ``code`` and ``name`` say why.
        """
        with self.borrow() as client:
            result = client.query(sql, parameters=dict(parameters or {}))
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that returns nothing of interest; arguments and errors as of :meth:`query`."""
        with self.borrow() as client:
            client.command(sql, parameters=dict(parameters or {}))

    @contextmanager
    def borrow(self) -> Generator[Client]:
        """Lend a client for as long as the block runs; nobody else uses it meanwhile."""
        with self._lock:
            client = self._idle.pop() if self._idle else None
        client = client or self._connect()
        try:
            yield client
        except BaseException:
            # After a failure the state of the handle is unknown; a fresh one costs a millisecond.
            client.close()
            raise
        with self._lock:
            self._idle.append(client)

    def close(self) -> None:
        """Close every idle client and let go of the directory; harmless when repeated."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()
        if self._held is not None:
            self._held.release()

    def _connect(self) -> Client:
        dsn = self.dsn
        settings = {**_READ_SETTINGS, **dsn.settings}
        try:
            if dsn.path is not None:
                client = clickhouse_connect.get_client(
                    interface="chdb",
                    path=str(dsn.path / "store"),
                    chdb_options={**_ENGINE_OPTIONS, "config-file": str(dsn.path / _ENGINE_FILE)},
                    settings=settings,
                    tz_mode="aware",
                )
            else:
                client = clickhouse_connect.get_client(
                    interface="https" if dsn.secure else "http",
                    host=dsn.host,
                    port=dsn.port or 0,
                    username=dsn.username,
                    password=dsn.password,
                    settings=settings,
                    tz_mode="aware",
                    autogenerate_session_id=False,
                )
            client.command(f"CREATE DATABASE IF NOT EXISTS {_identifier(dsn.database)}")
            client.database = dsn.database
            if dsn.embedded:
                client.command(f"USE {_identifier(dsn.database)}")
        except ClickHouseError as error:
            where = str(dsn.path) if dsn.embedded else f"{dsn.host}:{dsn.port or 8123}"
            message = f"The ledger at {where} cannot be opened: {error}"
            raise LedgerUnavailableError(message) from error
        return client


def _identifier(name: str) -> str:
    if not name.replace("_", "").isalnum():
        message = f"The database name {name!r} has characters other than letters, digits and underscores."
        raise ConfigurationError(message)
    return f"`{name}`"


def open_ledger(dsn: str) -> Ledger:
    """Open the ledger that a DSN names.

    Raises:
        ConfigurationError: The text is not a DSN.
        LedgerUnavailableError: The server does not answer, or another process holds the directory.
    """
    return Ledger(parse_dsn(dsn))

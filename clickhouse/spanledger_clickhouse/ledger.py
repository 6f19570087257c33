"""A connection to the ledger: one interface for the engine in this process and for a server."""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from spanledger.exceptions import ConfigurationError, LedgerUnavailableError, MigrationError
from spanledger_clickhouse.cluster import CLUSTER_SETTINGS
from spanledger_clickhouse.directory_lock import DirectoryLock
from spanledger_clickhouse.dsn import Dsn, parse_dsn
from spanledger_clickhouse.priority import BACKGROUND_NICE

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import TracebackType

    from clickhouse_connect.driver.client import Client

__all__ = ["ForwardingLedger", "Ledger", "open_ledger", "rows_of"]

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
_UNKNOWN_DATABASE = 81
_ENGINE_FILE = "engine.xml"
_ENGINE_CONFIGURATION = f"""<clickhouse>
    <!-- The engine's own logs would outgrow the ledger; the collector and the API have theirs. A terminal would
         get them at every level unless the console is closed by name. -->
    <logger><level>none</level><console>0</console></logger>
    <!-- Whoever waits for a report goes first. Without CAP_SYS_NICE the engine leaves priorities as they are. -->
    <os_threads_nice_value_merge_mutate>{BACKGROUND_NICE}</os_threads_nice_value_merge_mutate>
</clickhouse>
"""


class Ledger:
    """Runs statements against one ledger, from any thread.

    Each statement borrows a client of its own, since a client runs one statement at a time; idle ones are kept.
    Close it, or use it as a context manager: an embedded engine is held by one process at a time.

    Attributes:
        dsn: Where the ledger is.
        hides_rows: Whether statements see only some rows of the tables. What is summed up beforehand over all rows is
            of no use then.
        loaded: Of the origin: is set whenever spans were loaded; the one who waits for it clears it.
        told_at: Of the origin: when somebody was last told of what was in it, in seconds of the monotonic clock; minus
            infinity: never.
    """

    hides_rows: bool = False
    told_at: float = -math.inf
    _settings: Mapping[str, str] = MappingProxyType({})
    """Settings of every statement."""

    def __init__(self, dsn: Dsn) -> None:
        self.dsn = dsn
        self.loaded = threading.Event()
        self._idle: list[Client] = []
        self._lock = threading.Lock()
        self._held = DirectoryLock(dsn.path) if dsn.path is not None else None
        if self._held is not None:
            self._held.acquire()
            (self._held.path / _ENGINE_FILE).write_text(_ENGINE_CONFIGURATION)
        with ExitStack() as failure:
            failure.callback(self.close)
            if dsn.embedded:
                self._idle.append(self.connect())
            else:
                # The database may not be there yet: creating it is what the first migration begins with.
                with self._named_failures():
                    self._server_client(database=None).close()
            failure.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def origin(self) -> Ledger:
        """The ledger that runs the statements: this one, unless it stands before another."""
        return self

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
            return rows_of(client, sql, parameters, self._settings)

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that returns nothing of interest; arguments and errors as of :meth:`query`."""
        with self.borrow() as client:
            client.command(sql, parameters=dict(parameters or {}), settings=dict(self._settings))

    @contextmanager
    def borrow(self) -> Generator[Client]:
        """Lend a client for as long as the block runs; nobody else uses it meanwhile."""
        with self._lock:
            client = self._idle.pop() if self._idle else None
        client = client or self.connect()
        with ExitStack() as failure:
            # After a failure the state of the handle is unknown; a fresh one costs a millisecond.
            failure.callback(client.close)
            yield client
            failure.pop_all()
        with self._lock:
            self._idle.append(client)

    def note_told(self, at: float) -> None:
        """Note that somebody was told of what was in it, or that a write was done, at a time of the monotonic clock.

        Reports may be answered as of a moment before the question, but not before this.
        """
        if self.origin is not self:
            self.origin.note_told(at)
            return
        with self._lock:
            self.told_at = max(self.told_at, at)

    def close(self) -> None:
        """Close every idle client and let go of the directory; harmless when repeated."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()
        if self._held is not None:
            self._held.release()

    def create_database(self) -> None:
        """Create the ledger's database on a server that does not have it; an embedded one always has.

        Raises:
            LedgerUnavailableError: The server does not answer, or the user may not create it.
        """
        if not self.dsn.embedded:
            with self._named_failures():
                client = self._server_client(database=None)
                everywhere = f" ON CLUSTER '{self.dsn.cluster}'" if self.dsn.cluster else ""
                client.command(f"CREATE DATABASE IF NOT EXISTS {_identifier(self.dsn.database)}{everywhere}")
                client.close()

    def connect(self) -> Client:
        """A client of its own for the caller, who closes it.

        Raises:
            LedgerUnavailableError: The server does not answer.
        """
        with self._named_failures():
            return self._embedded_client() if self.dsn.path is not None else self._server_client(self.dsn.database)

    def _embedded_client(self) -> Client:
        directory, database = self.dsn.path or Path(), _identifier(self.dsn.database)
        client = clickhouse_connect.get_client(
            interface="chdb",
            path=str(directory / "store"),
            chdb_options={**_ENGINE_OPTIONS, "config-file": str(directory / _ENGINE_FILE)},
            settings={**_READ_SETTINGS, **self.dsn.settings},
            tz_mode="aware",
        )
        # Not the engine's own default database: views that replace each other do not work there.
        client.command(f"CREATE DATABASE IF NOT EXISTS {database}")
        client.database = self.dsn.database
        client.command(f"USE {database}")
        return client

    def _server_client(self, database: str | None) -> Client:
        dsn = self.dsn
        return clickhouse_connect.get_client(
            interface="https" if dsn.secure else "http",
            host=dsn.host,
            port=dsn.port or 0,
            username=dsn.username,
            password=dsn.password,
            database=database,
            settings={**_READ_SETTINGS, **(CLUSTER_SETTINGS if dsn.cluster else {}), **dsn.settings},
            tz_mode="aware",
            autogenerate_session_id=False,
        )

    @contextmanager
    def _named_failures(self) -> Generator[None]:
        """Say of a failed connection where it should have gone, and of a missing database how to get it."""
        dsn = self.dsn
        try:
            yield
        except ClickHouseError as error:
            if isinstance(error, Error) and error.code == _UNKNOWN_DATABASE:
                message = f"The server at {dsn.host} has no database {dsn.database!r}; run `spanledger migrate` once."
                raise MigrationError(message) from error
            where = str(dsn.path) if dsn.embedded else f"{dsn.host}:{dsn.port or 8123}"
            message = f"The ledger at {where} cannot be opened: {error}"
            raise LedgerUnavailableError(message) from error


class ForwardingLedger(Ledger):
    """The statements of another ledger, with settings of its own.

    It holds nothing itself: closing it does nothing, and the other one must outlive it.

    Args:
        ledger: The ledger that runs the statements.
        settings: Of every statement, by name. What a lent client is asked has none of them.

    Attributes:
        dsn: Where the ledger is.
    """

    def __init__(self, ledger: Ledger, settings: Mapping[str, str]) -> None:
        # The base's constructor would open the ledger a second time.
        self.dsn = ledger.dsn
        self._ledger = ledger
        self._settings = settings

    @property
    def origin(self) -> Ledger:
        """The ledger that the statements go to in the end."""
        return self._ledger.origin

    @contextmanager
    def borrow(self) -> Generator[Client]:
        """Lend a client of the other ledger for as long as the block runs."""
        with self._ledger.borrow() as client:
            yield client

    def close(self) -> None:
        """Do nothing: the ledger behind belongs to somebody else."""


def rows_of(
    client: Client, sql: str, parameters: Mapping[str, object] | None, settings: Mapping[str, str]
) -> list[dict[str, object]]:
    """Run a statement with settings of its own; arguments, result and errors as of :meth:`Ledger.query`."""
    result = client.query(sql, parameters=dict(parameters or {}), settings=dict(settings))
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


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
        MigrationError: From a statement, not from opening: the server does not have the database yet.
    """
    return Ledger(parse_dsn(dsn))

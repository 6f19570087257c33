"""Handles of the embedded engine: one a request, so that no request sees what another one set."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, Self, TypedDict, cast

import chdb

from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.http_interface.failures import StatementError
from spanledger_clickhouse.literals import settings_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from types import TracebackType

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Engine", "Handle", "Insert", "Result", "quoted"]


class Result(Protocol):
    """What the engine answers, or one part of it."""

    def bytes(self) -> bytes:
        """The data."""
        ...

    def rows_read(self) -> int:
        """Rows in it."""
        ...

    def storage_rows_read(self) -> int:
        """Rows read from tables for it."""
        ...

    def storage_bytes_read(self) -> int:
        """Bytes read from tables for it."""
        ...

    def elapsed(self) -> float:
        """Seconds it took."""
        ...


class _Insert(Protocol):
    """An ``INSERT`` whose data comes in pieces."""

    def append(self, data: bytes) -> None:
        """Hand over the next piece, in the format that was named."""
        ...

    def finish(self) -> _Written:
        """End the data and wait until the rows are in the table; returns how much that was."""
        ...

    def cancel(self) -> None:
        """Give it up."""
        ...


class _Written(Protocol):
    rows_written: int
    bytes_written: int


class _Stream(Protocol):
    """A result that comes in blocks."""

    def __iter__(self) -> Iterator[Result]: ...

    def close(self) -> None:
        """Stop the statement if it still runs."""
        ...


class _QueryClass(Protocol):
    name: str


class _Classified(TypedDict):
    query_class: _QueryClass
    statement_count: int
    has_secrets: bool


class _Extension(Protocol):
    """The compiled part of chdb."""

    def classify_query(self, sql: str, target_database: str) -> _Classified:
        """What the engine's own parser makes of a text, without running it."""
        ...


class _Connection(Protocol):
    """What chdb's connection does of which use is made here; a refused statement raises RuntimeError."""

    def query(self, query: str, format: str, params: Mapping[str, str] | None = None) -> Result:  # noqa: A002 - chdb's
        """Run a statement and give its whole result in a format; None for no parameters."""
        ...

    def send_query(self, query: str, format: str, params: Mapping[str, str] | None = None) -> _Stream:  # noqa: A002
        """Run a statement whose result is fetched block by block; None for no parameters."""
        ...

    def send_insert(self, query: str, format: str) -> _Insert:  # noqa: A002
        """Begin an ``INSERT`` whose data, in a format, follows."""
        ...

    def close(self) -> None:
        """End the session; waits for a statement that still runs."""
        ...


# The engine's module declares no types for it.
_connect = cast("Callable[[str], _Connection]", chdb.connect)


class Handle:
    """One session of the engine; one statement at a time."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def set(self, settings: Mapping[str, str], database: str) -> None:
        """Choose settings and the database for what follows."""
        with _engine_errors():
            self._connection.query(f"USE {quoted(database)}", "Null")
            self._connection.query(f"SET {settings_text(settings)}", "Null")

    def classify(self, sql: str) -> tuple[str, int, bool]:
        """Class, number and secretiveness of the statements in a text; nothing of it runs."""
        # The public connection hides the extension's own, which documents this method.
        extension = cast("_Extension", vars(self._connection)["_conn"])
        found = extension.classify_query(sql, "")
        return found["query_class"].name, found["statement_count"], found["has_secrets"]

    def ask(self, sql: str, parameters: Mapping[str, str]) -> str:
        """Run a statement of our own that answers with one text."""
        with _engine_errors():
            escaped = {name: _escaped(value) for name, value in parameters.items()}
            answer = self._connection.query(sql, "TSVRaw", params=escaped).bytes()
        return answer.decode().removesuffix("\n")

    def run(self, sql: str, output_format: str, parameters: Mapping[str, str]) -> Result:
        """Run a statement and keep its whole result; parameters are escaped as on the wire."""
        with _engine_errors():
            return self._connection.query(sql, output_format, params=dict(parameters))

    def stream(self, sql: str, output_format: str, parameters: Mapping[str, str]) -> Generator[Result]:
        """Run a statement and take its result in parts; the statement ends when the iterator is closed."""
        with _engine_errors():
            stream = self._connection.send_query(sql, output_format, params=dict(parameters))
            try:
                yield from stream
            finally:
                stream.close()

    def insert(self, sql: str, input_format: str) -> Insert:
        """Begin an insert whose data comes in pieces."""
        with _engine_errors():
            return Insert(self._connection.send_insert(sql, input_format))

    def close(self) -> None:
        """Give it back; waits for a statement that still runs."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Insert:
    """An insert that was begun. What was not finished is cancelled; blocks already written stay."""

    def __init__(self, insert: _Insert) -> None:
        self._insert = insert

    def append(self, data: bytes) -> None:
        """Give the engine the next piece."""
        with _engine_errors():
            self._insert.append(data)

    def finish(self) -> tuple[int, int]:
        """Commit; returns rows and bytes written, those of the views included."""
        with _engine_errors():
            written = self._insert.finish()
            return written.rows_written, written.bytes_written

    def cancel(self) -> None:
        """Give up; harmless when it is finished."""
        with _engine_errors():
            self._insert.cancel()


class Engine:
    """The engine of one embedded ledger.

    Args:
        ledger: The ledger; it must stay open as long as handles are used.

    Attributes:
        database: Database of the ledger.

    Raises:
        ConfigurationError: The ledger is on a server, which has an HTTP interface of its own.
    """

    def __init__(self, ledger: Ledger) -> None:
        if ledger.dsn.path is None:
            message = "The ledger is on a ClickHouse server, which has an HTTP interface; leave --clickhouse-port out."
            raise ConfigurationError(message)
        # The engine runs already, opened by the ledger; a handle only has to name the same place.
        self._path = str(ledger.dsn.path / "store")
        self.database: Final = ledger.dsn.database

    def open(self) -> Handle:
        """A fresh handle; takes about a millisecond."""
        with _engine_errors():
            return Handle(_connect(self._path))


@contextmanager
def _engine_errors() -> Generator[None]:
    try:
        yield
    except RuntimeError as error:
        raise StatementError.from_engine(error) from error


def quoted(name: str) -> str:
    """An identifier in back quotes."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _escaped(value: str) -> str:
    """A text as the engine expects it as a parameter's value."""
    for plain, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        value = value.replace(plain, escape)
    return value

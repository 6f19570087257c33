"""Running what passed: readings under limits, inserts of spans. Everything here blocks; it runs in worker threads."""

from __future__ import annotations

import json
import logging
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.http_interface.answer import Answer, Summary
from spanledger_clickhouse.http_interface.catalogue import STREAMED_FORMATS, Scope
from spanledger_clickhouse.http_interface.failures import Code, StatementError
from spanledger_clickhouse.http_interface.native_blocks import empty_block, greeting, is_greeting
from spanledger_clickhouse.http_interface.parser import Parser
from spanledger_clickhouse.http_interface.screen import output_format, screen
from spanledger_clickhouse.http_interface.settings import insert_settings, reading_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.http_interface.engine import Engine, Handle, Insert, Result
    from spanledger_clickhouse.http_interface.insert_statement import InsertStatement
    from spanledger_clickhouse.http_interface.request import Request
    from spanledger_clickhouse.http_interface.screen import Reading

__all__ = ["SpanInsert", "read", "scope_of"]

_READ_ONLY: Final = {"readonly": "1"}
# The mode in which the engine still reports settings as changeable: drivers refuse to send any other.
_SETTINGS_CHANGEABLE: Final = {"readonly": "2"}


def scope_of(engine: Engine, request: Request) -> Scope:
    """How the names of tables in a request are read.

    Raises:
        StatementError: It asks for a database that may not be read.
    """
    scope = Scope.of(engine.database, request.database)
    if scope is None:
        message = f"Unknown database {request.database}, or one that may not be read here."
        raise StatementError(Code.UNKNOWN_DATABASE, message)
    return scope


def read(engine: Engine, request: Request, sql: str) -> Answer:
    """Run a statement that only reads, up to the first part of its result.

    Raises:
        StatementError: It does more, or failed.
    """
    scope = scope_of(engine, request)
    settings = reading_settings(request.settings)
    default = output_format(request.default_format)
    with ExitStack() as resources:
        handle = resources.enter_context(engine.open())
        handle.set(settings | _READ_ONLY, scope.current)
        reading = screen(sql, scope, request.parameters, Parser(handle))
        chosen = reading.output_format or default or "TabSeparated"
        if chosen == "Native" and is_greeting(reading.sql):
            version = handle.ask("SELECT version()", {})
            return Answer(iter((greeting(version, request.protocol_version),)), chosen)
        if reading.only_settings:
            handle = resources.enter_context(engine.open())
            handle.set(settings | _SETTINGS_CHANGEABLE, scope.current)
        parts, summary = _run(handle, reading, chosen, request.parameters, resources)
        return Answer(parts, chosen, summary, resources.pop_all())


def _run(
    handle: Handle, reading: Reading, chosen: str, parameters: dict[str, str], resources: ExitStack
) -> tuple[Iterator[bytes], Summary]:
    if chosen.lower() not in STREAMED_FORMATS or not reading.is_query:
        result = handle.run(reading.sql, chosen, parameters)
        nothing = empty_block([("name", "String")]) if chosen == "Native" else b""
        return iter((result.bytes() or nothing,)), _summary(result)
    results = handle.stream(reading.sql, chosen, parameters)
    resources.callback(results.close)
    first = next(results, None)
    if first is not None:
        rest = (result.bytes() for result in results)
        return chain((first.bytes(),), rest), _summary(first)
    if chosen == "Native":
        return iter((empty_block(_columns(handle, reading.sql, parameters)),)), Summary()
    return iter(()), Summary()


def _summary(result: Result) -> Summary:
    return Summary(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        result_rows=result.rows_read(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )


def _columns(handle: Handle, sql: str, parameters: dict[str, str]) -> list[tuple[str, str]]:
    """Names and types of the columns of an empty result."""
    described = handle.run(f"DESCRIBE TABLE ({sql})", "JSONCompactStringsEachRow", parameters).bytes()
    rows = [json.loads(line) for line in described.splitlines()]
    return [(str(name), str(kind)) for name, kind, *_ in rows]


class SpanInsert:
    """An insert of spans that takes its data piece by piece.

    Args:
        engine: The engine.
        request: The request that brings it.
        statement: What it inserts.

    Raises:
        StatementError: The engine refuses it.
    """

    def __init__(self, engine: Engine, request: Request, statement: InsertStatement) -> None:
        self._handle = engine.open()
        with ExitStack() as failure:
            failure.callback(self._handle.close)
            self._handle.set(insert_settings(statement.settings | request.settings), engine.database)
            self._insert: Insert = self._handle.insert(statement.sql, statement.input_format)
            failure.pop_all()

    def append(self, data: bytes) -> None:
        """Take the next piece; the engine parses it and writes whole blocks, so memory stays bounded."""
        self._insert.append(data)

    def finish(self) -> Answer:
        """Commit. The answer exists only once the rows are in the table and in what is made of it."""
        with self._handle:
            rows, size = self._insert.finish()
        return Answer(iter(()), summary=Summary(written_rows=rows, written_bytes=size))

    def cancel(self) -> None:
        """Give up. Whole blocks that were written stay; a repeat of the insert adds nothing to any total."""
        with self._handle:
            try:
                self._insert.cancel()
            except StatementError:
                logging.getLogger(__name__).warning("A broken insert could not be cancelled", exc_info=True)

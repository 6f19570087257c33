"""The engine's own parser, asked for what a statement is without running it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from spanledger_clickhouse.http_interface.failures import Code, StatementError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.http_interface.engine import Handle

    Node = Mapping[str, object]

__all__ = ["Parser"]

_READ_ONLY: Final = "READ_ONLY"
_TO_TREE: Final = "SELECT parseQueryToJSON({sql:String})"


class Parser:
    """Reads statements through one handle; no statement of a client's runs there.

    Args:
        handle: The handle, read-only like any other.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def require_single_reading(self, sql: str) -> None:
        """Hold a text to one statement of the engine's class of readings.

        Raises:
            StatementError: It is something else, or does not parse.
        """
        kind, count, has_secrets = self._handle.classify(sql)
        if count == 0:
            self.tree(sql)  # says where the syntax is wrong
        if count != 1 or kind != _READ_ONLY or has_secrets:
            message = "Only one statement that reads is accepted here: SELECT, WITH, DESCRIBE, EXISTS or SHOW."
            raise StatementError(Code.READONLY, message)

    def tree(self, sql: str) -> dict[str, object]:
        """The syntax tree of a query or an insert.

        Raises:
            StatementError: It does not parse, or is a statement of another kind.
        """
        try:
            return cast("dict[str, object]", json.loads(self._handle.ask(_TO_TREE, {"sql": sql})))
        except StatementError as error:
            # The engine says where in our own question it went wrong, too; that means nothing to the client.
            detail = error.detail.partition(": In scope SELECT parseQueryToJSON")[0]
            raise StatementError(error.code, detail, name=error.name) from error
        except UnicodeDecodeError as error:
            message = "A text in the statement is not UTF-8; write such bytes as unhex('…')."
            raise StatementError(Code.BAD_ARGUMENTS, message) from error
        except RecursionError as error:
            message = "The statement is nested too deeply."
            raise StatementError(Code.TOO_DEEP_AST, message) from error

    def text(self, tree: Node) -> str:
        """The statement that a syntax tree stands for."""
        return self._handle.ask("SELECT formatQueryFromJSON({tree:String})", {"tree": json.dumps(tree)})

    def has_table(self, database: str, table: str) -> bool:
        """Whether there is such a table or view."""
        sql = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String}"
        return self._handle.ask(sql, {"database": database, "table": table}) != "0"

    def has_database(self, name: str) -> bool:
        """Whether there is such a database."""
        return (
            self._handle.ask("SELECT count() FROM system.databases WHERE name = {name:String}", {"name": name}) != "0"
        )

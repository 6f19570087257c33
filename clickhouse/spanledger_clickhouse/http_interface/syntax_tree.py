"""The walk over a query's syntax tree: every node known, every name allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from spanledger_clickhouse.http_interface.catalogue import TABLE_FUNCTIONS, is_allowed_function
from spanledger_clickhouse.http_interface.failures import Code, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spanledger_clickhouse.http_interface.catalogue import Scope
    from spanledger_clickhouse.http_interface.parser import Node, Parser

__all__ = ["TreeScreen"]

_KNOWN_NODES: Final = frozenset(
    {
        *("ArrayJoin", "Asterisk", "ColumnsApplyTransformer", "ColumnsExceptTransformer", "ColumnsListMatcher"),
        *("ColumnsRegexpMatcher", "ColumnsReplaceTransformer", "ColumnsReplaceTransformerReplacement"),
        *("ColumnsTransformerList", "ExpressionList", "Function", "Identifier", "InterpolateElement", "Literal"),
        *("OrderByElement", "QualifiedAsterisk", "QualifiedColumnsListMatcher", "QualifiedColumnsRegexpMatcher"),
        *("QueryParameter", "SampleRatio", "SelectIntersectExceptQuery", "SelectQuery", "SelectWithUnionQuery"),
        *("Subquery", "TableExpression", "TableIdentifier", "TableJoin", "TablesInSelectQuery"),
        *("TablesInSelectQueryElement", "WindowDefinition", "WindowListElement", "WithElement"),
    }
)
_REFUSED_PARTS: Final = ("settings", "settings_ast", "out_file", "compression", "stream_settings", "format_ast")
_STATEMENTS: Final = ("SelectWithUnionQuery", "SelectIntersectExceptQuery", "SelectQuery")
_MEMBERSHIP: Final = ("in", "inignoreset")


class TreeScreen:
    """Walks one query.

    Args:
        scope: How the names of tables are read.
        parameters: Values of the query's ``{name:Type}`` places.
        parser: Tells which tables exist.

    Attributes:
        tables: Every table that was named, with its database.
    """

    def __init__(self, scope: Scope, parameters: Mapping[str, str], parser: Parser) -> None:
        self.tables: set[tuple[str, str]] = set()
        self._scope = scope
        self._parameters = parameters
        self._parser = parser
        self._subqueries: frozenset[str] = frozenset()

    def visit_statement(self, tree: Node) -> None:
        """Walk a whole query.

        Raises:
            StatementError: It holds something that is not allowed.
        """
        if tree.get("type") not in _STATEMENTS:
            message = "Only queries are accepted here."
            raise StatementError(Code.READONLY, message)
        try:
            self._subqueries = frozenset(_names_of_subqueries(tree))
            self._visit(tree)
        except RecursionError as error:
            message = "The statement is nested too deeply."
            raise StatementError(Code.TOO_DEEP_AST, message) from error

    def _visit(self, node: Node) -> None:
        kind = node.get("type")
        if kind not in _KNOWN_NODES:
            message = f"{kind} is not accepted here."
            raise StatementError(Code.READONLY, message)
        for part in _REFUSED_PARTS:
            if part in node:
                message = f"The clause {part.partition('_')[0].upper()} is not accepted here."
                raise StatementError(Code.READONLY, message)
        match kind:
            case "Literal":
                return
            case "TableExpression":
                self._visit_table_expression(node)
                return
            case "TableIdentifier":
                self._require_table(self._parts(node))
            case "Function":
                self._require_function(node)
            case "ColumnsApplyTransformer" if "func_name" in node:
                self._require_callable(str(node["func_name"]))
            case _:
                pass
        self._visit_children(node)

    def _visit_children(self, node: Node) -> None:
        for child in _children(node):
            self._visit(child)

    def _visit_table_expression(self, node: Node) -> None:
        for name, part in node.items():
            if name == "table_function":
                function = cast("Node", part)
                if str(function.get("name")).lower() not in TABLE_FUNCTIONS:
                    message = f"The table function {function.get('name')} is not offered here."
                    raise StatementError(Code.ACCESS_DENIED, message)
                self._visit_children(function)
            elif isinstance(part, dict):
                self._visit(cast("Node", part))

    def _require_function(self, node: Node) -> None:
        name = str(node["name"])
        self._require_callable(name)
        if not name.lower().endswith(_MEMBERSHIP):
            return
        # On the right of IN the engine takes a bare name for a table if there is one of that name.
        arguments = list(_children(cast("Node", node.get("arguments", {}))))
        for argument in arguments[1:]:
            if argument.get("type") == "Identifier":
                self._require_no_table(self._parts(argument))

    def _require_callable(self, name: str) -> None:
        if not is_allowed_function(name):
            message = f"The function {name} does not exist, or is not offered here."
            raise StatementError(Code.UNKNOWN_FUNCTION, message)

    def _require_table(self, parts: Sequence[str]) -> None:
        database, table = (None, parts[0]) if len(parts) == 1 else (".".join(parts[:-1]), parts[-1])
        if database is None and table in self._subqueries and not self._exists(self._scope.current, table):
            return
        if not self._scope.allows(database, table):
            message = f"Unknown table {'.'.join(parts)}, or one that may not be read here."
            raise StatementError(Code.UNKNOWN_TABLE, message)
        self.tables.add((database or self._scope.current, table))

    def _require_no_table(self, parts: Sequence[str]) -> None:
        is_table = len(parts) > 1 and self._parser.has_database(parts[0])
        if is_table or (len(parts) == 1 and self._exists(self._scope.current, parts[0])):
            self._require_table(parts)

    def _exists(self, database: str, table: str) -> bool:
        return not self._scope.allows(database, table) and self._parser.has_table(database, table)

    def _parts(self, node: Node) -> list[str]:
        """The parts of a possibly qualified name, parameters put in."""
        given = [str(part) for part in cast("Sequence[object]", node.get("name_parts") or [node.get("name", "")])]
        places = [str(child["name"]) for child in _children(node) if child.get("type") == "QueryParameter"]
        values = [self._parameters.get(name, "") for name in places]
        if not places:
            return given
        if given == [""] or all(part == "" for part in given):
            return values
        if given.count("") == len(values):
            remaining = iter(values)
            return [part or next(remaining) for part in given]
        message = "A name is put together from parameters in a way that is not understood here."
        raise StatementError(Code.BAD_ARGUMENTS, message)


def _children(node: Node) -> Iterator[Node]:
    for part in node.values():
        if isinstance(part, dict):
            yield cast("Node", part)
        elif isinstance(part, list):
            for item in cast("list[object]", part):
                if isinstance(item, dict):
                    yield cast("Node", item)


def _names_of_subqueries(node: Node) -> Iterator[str]:
    if node.get("type") == "WithElement":
        yield str(node["name"])
    for child in _children(node):
        yield from _names_of_subqueries(child)

"""Whether a statement only reads what analysts may read, decided before anything of it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from spanledger_clickhouse.http_interface.catalogue import BUFFERED_FORMATS, STREAMED_FORMATS
from spanledger_clickhouse.http_interface.failures import Code, StatementError
from spanledger_clickhouse.http_interface.inspections import read_inspection
from spanledger_clickhouse.http_interface.syntax_tree import TreeScreen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.http_interface.catalogue import Scope
    from spanledger_clickhouse.http_interface.parser import Node, Parser

__all__ = ["LONGEST_STATEMENT", "Reading", "output_format", "screen"]

LONGEST_STATEMENT: Final = 256 * 1024
"""Bytes of a statement; the engine's own default."""

# Possessive, and content with the end of the text: no text makes the search go back over what it has seen.
_QUOTED: Final = re.compile(
    r"""(?:'(?:[^'\\]|\\.)*+(?:'|\Z))|(?:`(?:[^`\\]|\\.)*+(?:`|\Z))|(?:"(?:[^"\\]|\\.)*+(?:"|\Z))
    |--[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)""",
    re.DOTALL | re.VERBOSE,
)
_REFUSED_WORDS: Final = {
    "A SETTINGS clause": re.compile(r"\bsettings\s+\w+\s*=", re.IGNORECASE),
    "INTO OUTFILE": re.compile(r"\binto\s+outfile\b", re.IGNORECASE),
    "EXPLAIN": re.compile(r"\A[\s(]*explain\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement that passed.

    Attributes:
        sql: What to run, without a format: written anew from what was judged, so that nothing else can be run.
        output_format: Format that the statement asks for; None where it does not say.
        is_query: Whether it is a query, whose columns can be described; otherwise it is about tables.
        only_settings: Whether ``system.settings`` is the only table it names.
    """

    sql: str
    output_format: str | None
    is_query: bool = True
    only_settings: bool = False


def screen(sql: str, scope: Scope, parameters: Mapping[str, str], parser: Parser) -> Reading:
    """Let a statement pass if it only reads.

    Three layers, each of which lists what is allowed: the engine classifies the text; its words are searched for
    clauses that change how it runs; and every node of its syntax tree must be of a known kind and name only allowed
    functions and tables. What runs is written from that tree, on a handle that is read-only and has limits.

    Args:
        sql: The statement.
        scope: How the names of tables are read.
        parameters: Values of its ``{name:Type}`` places.
        parser: The engine's own parser.

    Raises:
        StatementError: It does more than read, or is not one statement.
    """
    if len(sql.encode()) > LONGEST_STATEMENT:
        message = f"A statement may have at most {LONGEST_STATEMENT} bytes."
        raise StatementError(Code.QUERY_IS_TOO_LARGE, message)
    parser.require_single_reading(sql)
    _screen_words(sql)
    if (inspection := read_inspection(sql, scope)) is not None:
        described = inspection.sql
        if inspection.query is not None:
            described = f"DESCRIBE TABLE ({screen(inspection.query, scope, parameters, parser).sql})"
        return Reading(described, output_format(inspection.output_format), is_query=False)
    tree = parser.tree(sql)
    named = cast("Node | None", tree.pop("format_ast", None))
    seen = TreeScreen(scope, parameters, parser)
    seen.visit_statement(tree)
    return Reading(
        parser.text(tree),
        output_format(str(named["name"]) if named else None),
        only_settings=seen.tables == {("system", "settings")},
    )


def output_format(name: str | None) -> str | None:
    """The engine's spelling of an output format's name; None for None.

    Raises:
        StatementError: The format is not one of the allowed ones.
    """
    if name is None:
        return None
    known = STREAMED_FORMATS.get(name.lower()) or BUFFERED_FORMATS.get(name.lower())
    if known is None:
        message = f"The output format {name} is not offered here."
        raise StatementError(Code.UNKNOWN_FORMAT, message)
    return known


def _screen_words(sql: str) -> None:
    bare = _QUOTED.sub(lambda piece: " quoted " if piece[0][0] in "'`\"" else " ", sql)
    for what, pattern in _REFUSED_WORDS.items():
        if pattern.search(bare):
            message = f"{what} is not accepted here; settings come in the URL, results in the answer."
            raise StatementError(Code.READONLY, message)

"""Statements that ask what there is: DESCRIBE, EXISTS and SHOW, read by a small grammar and written anew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.http_interface.engine import quoted
from spanledger_clickhouse.http_interface.failures import Code, StatementError

if TYPE_CHECKING:
    from spanledger_clickhouse.http_interface.catalogue import Scope

__all__ = ["Inspection", "read_inspection"]

_NAME: Final = r"(?:\w+|`\w+`|\"\w+\")"
_TABLE: Final = rf"(?:(?P<database>{_NAME})\s*\.\s*)?(?P<table>{_NAME})"
_LIKE: Final = r"(?P<like>\s+(?:not\s+)?i?like\s+'(?:[^'\\]|\\.)*')?"
_FORMAT: Final = re.compile(r"(?P<body>.*\S)\s+format\s+(?P<format>\w+)\Z", re.IGNORECASE | re.DOTALL)
_LEADING: Final = re.compile(r"\A(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)++", re.DOTALL)
_KEYWORDS: Final = re.compile(r"\A(?:desc|describe|exists|show)\b", re.IGNORECASE)
_OF_TABLE: Final = re.compile(
    rf"\A(?P<verb>desc(?:ribe)?(?:\s+table)?|exists(?:\s+(?:table|view))?|show\s+create(?:\s+(?:table|view))?)\s+{_TABLE}\Z",
    re.IGNORECASE,
)
_OF_QUERY: Final = re.compile(r"\Adesc(?:ribe)?(?:\s+table)?\s*\((?P<query>.*)\)\Z", re.IGNORECASE | re.DOTALL)
_DATABASES: Final = re.compile(rf"\Ashow\s+databases{_LIKE}\Z", re.IGNORECASE)
_TABLES: Final = re.compile(rf"\Ashow\s+tables(?:\s+(?:from|in)\s+(?P<database>{_NAME}))?{_LIKE}\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Inspection:
    """A statement about tables rather than about their rows.

    Attributes:
        sql: The statement without its format, written anew from its parts; empty if it describes a query.
        output_format: Format that it asks for, as written; None where it does not say.
        query: The query that it describes, to be screened by itself; None if it is about a table.
    """

    sql: str
    output_format: str | None
    query: str | None = None


def read_inspection(sql: str, scope: Scope) -> Inspection | None:
    """Read a statement that begins with DESC, DESCRIBE, EXISTS or SHOW; None for any other.

    Args:
        sql: The statement.
        scope: How the names of tables are read.

    Raises:
        StatementError: It is not of the accepted forms, or names a table that may not be read.
    """
    body = _LEADING.sub("", sql).rstrip().removesuffix(";").rstrip()
    if not _KEYWORDS.match(body):
        return None
    named = query = None
    if ending := _FORMAT.match(body):
        body, named = ending["body"], ending["format"]
    if match := _OF_TABLE.match(body):
        rebuilt = f"{' '.join(match['verb'].split())} {_readable(match['database'], match['table'], scope)}"
    elif match := _OF_QUERY.match(body):
        rebuilt, query = "", match["query"]
    elif match := _DATABASES.match(body):
        rebuilt = f"SHOW DATABASES{match['like'] or ''}"
    elif match := _TABLES.match(body):
        rebuilt = f"SHOW TABLES FROM {quoted(_database(match['database'], scope))}{match['like'] or ''}"
    else:
        message = "Of DESCRIBE, EXISTS and SHOW only those about tables, queries and databases are accepted here."
        raise StatementError(Code.READONLY, message)
    return Inspection(rebuilt, named, query)


def _readable(database: str | None, table: str, scope: Scope) -> str:
    owner, name = _database(database, scope), table.strip('`"')
    if not scope.allows(owner, name):
        message = f"Unknown table {owner}.{name}, or one that may not be read here."
        raise StatementError(Code.UNKNOWN_TABLE, message)
    return f"{quoted(owner)}.{quoted(name)}"


def _database(database: str | None, scope: Scope) -> str:
    name = database.strip('`"') if database else scope.current
    if not scope.knows(name):
        message = f"Unknown database {name}, or one that may not be read here."
        raise StatementError(Code.UNKNOWN_DATABASE, message)
    return name

"""The one insert that is accepted: spans into ``otel_traces``, read by a small grammar and written anew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from spanledger_clickhouse.http_interface.catalogue import INSERT_FORMATS
from spanledger_clickhouse.http_interface.engine import quoted
from spanledger_clickhouse.http_interface.failures import Code, StatementError

__all__ = ["LONGEST_HEAD", "InsertStatement", "is_insert", "read_insert"]

LONGEST_HEAD: Final = 64 * 1024
"""Bytes within which an insert must come to its format."""

_TARGET: Final = "otel_traces"
# Atomic, and repeated possessively: no head makes the search try its comments in another way.
_SPACE: Final = r"(?>\s|--[^\n]*\n|/\*.*?\*/)"
_NAME: Final = r"(?:[\w]+|`[\w.]+`|\"[\w.]+\")"
_COLUMN: Final = rf"{_NAME}(?:\.{_NAME})*"
_BEGINNING: Final = re.compile(rf"{_SPACE}*+INSERT\b", re.IGNORECASE | re.DOTALL)
_HEAD: Final = re.compile(
    rf"""{_SPACE}*+INSERT{_SPACE}++INTO{_SPACE}++(?:TABLE{_SPACE}++)?
    (?:(?P<database>{_NAME})\s*\.\s*)?(?P<table>{_NAME})\s*
    (?:\((?P<columns>\s*{_COLUMN}\s*(?:,\s*{_COLUMN}\s*)*)\)\s*)?
    (?:SETTINGS\s+(?P<settings>\w+\s*=\s*(?:\w+|'\w*')(?:\s*,\s*\w+\s*=\s*(?:\w+|'\w*'))*)\s+)?
    FORMAT\s+(?P<format>\w+)[ \t]*(?:;[ \t]*)?(?:\r?\n|(?=[^\s])|\Z)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class InsertStatement:
    """An insert into ``otel_traces``.

    Attributes:
        sql: The statement without its format, written anew from its parts.
        input_format: Format of the data.
        settings: Settings that it carries itself.
        length: Characters of the text before the data begins.
    """

    sql: str
    input_format: str
    settings: dict[str, str]
    length: int


def is_insert(text: str) -> bool:
    """Whether a text begins as an insert does."""
    return _BEGINNING.match(text) is not None


def read_insert(text: str, ledger: str, current: str) -> InsertStatement:
    """Read an insert up to its data.

    Args:
        text: What begins with an insert; data may follow.
        ledger: Database of the ledger.
        current: Database that a bare name belongs to.

    Raises:
        StatementError: It has another form, or does not go into ``otel_traces``.
    """
    match = _HEAD.match(text)
    if match is None:
        message = f"Only INSERT INTO {_TARGET} [(columns)] FORMAT … with the data behind it is accepted here."
        raise StatementError(Code.READONLY, message)
    database = _bare(match["database"]) if match["database"] else current
    if (database, _bare(match["table"])) != (ledger, _TARGET):
        message = f"Only {ledger}.{_TARGET} can be written here; everything else is made from it."
        raise StatementError(Code.ACCESS_DENIED, message)
    input_format = INSERT_FORMATS.get(match["format"].lower())
    if input_format is None:
        message = f"The input format {match['format']} is not accepted here."
        raise StatementError(Code.UNKNOWN_FORMAT, message)
    columns = [_bare(name) for name in (match["columns"] or "").split(",") if name]
    listed = f" ({', '.join(map(quoted, columns))})" if columns else ""
    pairs = [pair.partition("=") for pair in (match["settings"] or "").split(",") if pair]
    return InsertStatement(
        f"INSERT INTO {quoted(ledger)}.{quoted(_TARGET)}{listed}",
        input_format,
        {name.strip(): value.strip().strip("'") for name, _, value in pairs},
        match.end(),
    )


def _bare(name: str) -> str:
    return re.sub(r"[`\"\s]", "", name)

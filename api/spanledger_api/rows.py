"""Typed reading of the ledger's rows, which arrive as plain mappings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from spanledger_api.recorded_time import as_known, as_known_parameters

if TYPE_CHECKING:
    from string import Template

    from spanledger_api.filters import Where
    from spanledger_api.paging import Page
    from spanledger_clickhouse.ledger import Ledger

Row: TypeAlias = Mapping[str, object]
"""One row of a query: column name to value."""

_Cell = TypeVar("_Cell", date, int, str, Decimal)

# Sums are taken over toDecimal256: a sum of the column's own 128 bits wraps round silently, and costs the same time.
_LIMITS = {"max_execution_time": 10}


def ask(ledger: Ledger, sql: Template, where: Where, page: Page | None = None, **parameters: object) -> list[Row]:
    """Rows of a query whose ``$where`` is filled with the conditions, within ten seconds.

    Args:
        ledger: Where to ask.
        sql: The query; its only ``$`` placeholder is ``$where``.
        where: Conditions and the values they bind.
        page: The stretch of the rows to give back, and one row more if there is a next page; None gives all of them.
        parameters: Further values that the query binds as ``{name:Type}``.

    Raises:
        LedgerUnavailableError: The ledger cannot be reached or did not answer in time.
    """
    words = as_known(sql.substitute(where=where.sql), where)
    bound = {**where.parameters, **as_known_parameters(where), **parameters}
    if page is not None:
        words += page.sql
        bound |= page.parameters
    return list(ledger.query(words + _settings(_LIMITS), bound))


def ask_with(ledger: Ledger, sql: Template, where: Where, settings: Mapping[str, int]) -> list[Row]:
    """The same with settings of the engine by name, a flag as 0 or 1; arguments and errors as of :func:`ask`."""
    words = as_known(sql.substitute(where=where.sql), where) + _settings({**_LIMITS, **settings})
    return list(ledger.query(words, {**where.parameters, **as_known_parameters(where)}))


def _settings(values: Mapping[str, int]) -> str:
    return " SETTINGS " + ", ".join(f"{name} = {value:d}" for name, value in values.items())


def _cell(row: Row, name: str, kind: type[_Cell]) -> _Cell:
    value = row[name]
    if not isinstance(value, kind):
        message = f"column {name} is a {type(value).__name__}, not a {kind.__name__}"
        raise TypeError(message)
    return value


def amount(row: Row, name: str) -> Decimal:
    """A decimal column.

    Raises:
        TypeError: The column is something else.
    """
    return _cell(row, name, Decimal)


def integer(row: Row, name: str) -> int:
    """An integer column.

    Raises:
        TypeError: The column is something else.
    """
    return _cell(row, name, int)


def text(row: Row, name: str) -> str:
    """A text column; empty where the span said nothing.

    Raises:
        TypeError: The column is something else.
    """
    return _cell(row, name, str)


def day(row: Row, name: str) -> date:
    """A date column.

    Raises:
        TypeError: The column is something else.
    """
    return _cell(row, name, date)

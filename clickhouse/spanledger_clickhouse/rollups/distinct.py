"""Reads records without ``FINAL`` where none of them is there twice, which the same statement makes sure of.

``FINAL`` merges the parts row by row, comparing whole keys: of the last seconds, which lie in a dozen small parts, that
takes three times as long as adding them up. To count distinct identifiers is cheaper, and as a rule there are as many
as rows. Where there are not, the statement fails, and is to be asked again with ``FINAL``.

Both look at the same parts: an engine of today shares one snapshot of a table among the subqueries of a statement.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger_clickhouse.rollups.family import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Records", "ask_distinct", "be_wary", "is_wary"]

_Answer = TypeVar("_Answer")

Records: TypeAlias = "Callable[[Source, str], str]"
"""Gives the words after ``FROM``, to which ``AND`` may add more, that read records of a source, each once, under a
condition on when they started."""

_THROWN: Final = 395
"""The code of FUNCTION_THROW_IF_VALUE_IS_NON_ZERO."""

_WARY_SECONDS: Final = 30.0
"""After repeats were met, ``FINAL`` is asked for at once for so long."""

# The left side is 0 or 1 and the right side 2, so every row meets it; the engine has to read both to know.
_ONCE: Final = """
toUInt8(version = 0) NOT IN (
    SELECT toUInt8(2) + throwIf(count() != uniqExact(cityHash64(trace_id, span_id)), 'A span is there more than once.')
    FROM $table PREWHERE $within)
"""

_wary_until: Final[WeakKeyDictionary[Ledger, float]] = WeakKeyDictionary()
_lock: Final = threading.Lock()


def _once(source: Source, within: str) -> str:
    shown = "is_deleted = 0 AND " if source is Source.COST else ""
    condition = _ONCE.replace("$table", source.table).replace("$within", within)
    return f"{source.table} PREWHERE {within} WHERE {shown}{condition}"


def _final(source: Source, within: str) -> str:
    return f"{source.table} FINAL PREWHERE {within} WHERE true"


def ask_distinct(ledger: Ledger, ask: Callable[[Records], _Answer]) -> _Answer:
    """Ask a question in the cheap way, and with ``FINAL`` where that does not do.

    Args:
        ledger: What is asked.
        ask: Asks, with records read as it is told. All versions of a record must meet its condition, or none.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    # A server may be older than the shared snapshot, or have it switched off; the shards of a cluster share none.
    if ledger.dsn.cluster or not ledger.dsn.embedded or is_wary(ledger):
        return ask(_final)
    try:
        return ask(_once)
    except DatabaseError as error:
        if error.code != _THROWN:
            raise
    be_wary(ledger)
    return ask(_final)


def is_wary(ledger: Ledger) -> bool:
    """Whether repeats were met lately."""
    return time.monotonic() < _wary_until.get(ledger.origin, 0)


def be_wary(ledger: Ledger) -> None:
    """Ask with ``FINAL`` at once for a while."""
    with _lock:
        _wary_until[ledger.origin] = time.monotonic() + _WARY_SECONDS

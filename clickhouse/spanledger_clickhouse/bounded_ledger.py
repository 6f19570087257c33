"""A ledger as one reader may use it: inside limits, and with only the reader's rows in it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import PermissionDeniedError
from spanledger_clickhouse.ledger import ForwardingLedger, rows_of
from spanledger_clickhouse.literals import text_literal

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from clickhouse_connect.driver.client import Client

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.shared_answers import SharedAnswers

__all__ = ["READING_LIMITS", "BoundedLedger"]

READING_LIMITS: Final = {
    "max_execution_time": "30",
    "max_memory_usage": "1000000000",
    "max_rows_to_read": "2000000000",
    "max_result_rows": "1000000",
    "max_result_bytes": "500000000",
}
"""What one statement may take: seconds, bytes of memory, rows read, rows and bytes of its result."""


_FILTERS: Final = "additional_table_filters"


class BoundedLedger(ForwardingLedger):
    """The statements of another ledger, each with settings that it cannot lift.

    Args:
        ledger: The ledger that runs the statements.
        answers: Gives statements their turn and equal ones one answer; shared by everything that asks the same ledger.
        filters: Condition on the rows of each table, by the table's name; the engine applies it wherever a statement
            reads the table, through views too. None leaves every row visible.

    Attributes:
        hides_rows: Whether there are filters. Such a ledger only reads.
    """

    def __init__(
        self, ledger: Ledger, answers: SharedAnswers[list[dict[str, object]]], filters: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(ledger, READING_LIMITS if filters is None else READING_LIMITS | {_FILTERS: _map_of(filters)})
        self.hides_rows = filters is not None
        self._answers = answers

    def hiding(self, filters: Mapping[str, str]) -> BoundedLedger:
        """The same ledger inside the same limits, without the rows that do not meet the conditions of their tables."""
        return BoundedLedger(self._ledger, self._answers, filters)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        """Run a statement that returns rows, as of the base.

        Raises:
            OverloadedError: Too many statements run already.
        """
        # Rows of one reader must not reach another, so whose they are is a part of the question.
        asked = (sql, repr(sorted((parameters or {}).items())), self._settings.get(_FILTERS))
        return self._answers.ask(asked, lambda: self._rows(sql, parameters))

    def _rows(self, sql: str, parameters: Mapping[str, object] | None) -> list[dict[str, object]]:
        with self._ledger.borrow() as client:
            return rows_of(client, sql, parameters, self._settings)

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that changes something, outside the limits.

        Raises:
            PermissionDeniedError: Rows are hidden, so this ledger only reads.
        """
        if self.hides_rows:
            message = "A key that is bound to some rows may only read."
            raise PermissionDeniedError(message)
        self._ledger.command(sql, parameters)
        self.note_told(time.monotonic())

    @contextmanager
    def borrow(self) -> Generator[Client]:
        """Lend a client for as long as the block runs; where rows are hidden, one that hides them."""
        if not self.hides_rows:
            with self._ledger.borrow() as client:
                yield client
            return
        own = self._ledger.connect()
        try:
            for name, value in self._settings.items():
                own.set_client_setting(name, value)
            yield own
        finally:
            own.close()


def _map_of(filters: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{text_literal(table)}: {text_literal(condition)}" for table, condition in filters.items())
    return "{" + pairs + "}"

"""What a ledger is asked while a test does something."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from spanledger_clickhouse.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping


@contextmanager
def statements() -> Generator[list[str]]:
    """The statements of all ledgers inside the block as they come, without looks at parts of tables."""
    asked: list[str] = []
    query, command = Ledger.query, Ledger.command

    def noting_query(self: Ledger, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        if "FROM system.parts" not in sql:
            asked.append(sql)
        return query(self, sql, parameters)

    def noting_command(self: Ledger, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        asked.append(sql)
        command(self, sql, parameters)

    with patch.object(Ledger, "query", noting_query), patch.object(Ledger, "command", noting_command):
        yield asked

"""A ledger whose writes are on every replica before the next statement."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.ledger import Ledger, rows_of

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from clickhouse_connect.driver.client import Client

__all__ = ["WrittenEverywhere"]

_TIMEOUT_MS: Final = 60_000

_WHOLE: Final = {"skip_unavailable_shards": "0"}
"""A shard that does not answer is an error, whatever the DSN says: sums without it would stay wrong."""


class WrittenEverywhere(Ledger):
    """The statements of another ledger on a cluster, for who writes things that must be seen in order.

    Two tables are replicated independently of each other, and so are two rows of one. A pointer that is somewhere
    before its sums would make them count as nothing. So each insert is answered when every replica has it, and fails
    where one is away.

    It holds nothing itself: closing it does nothing, and the other one must outlive it.

    Args:
        ledger: The ledger that runs the statements.

    Attributes:
        dsn: Where the ledger is.
        copies: How many replicas there are of what is written.
    """

    def __init__(self, ledger: Ledger) -> None:
        # The base's constructor would open the ledger a second time.
        self.dsn = ledger.dsn
        self.copies = 1
        self._ledger = ledger

    @property
    def origin(self) -> Ledger:
        """The ledger that the statements go to in the end."""
        return self._ledger.origin

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        """Run a statement that returns rows, as of the base."""
        with self._ledger.borrow() as client:
            return rows_of(client, sql, parameters, _WHOLE)

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that writes, as of the base."""
        quorum = {"insert_quorum": str(self.copies), "insert_quorum_timeout": str(_TIMEOUT_MS)}
        with self._ledger.borrow() as client:
            settings = _WHOLE | (quorum if self.copies > 1 else {})
            client.command(sql, parameters=dict(parameters or {}), settings=settings)

    @contextmanager
    def borrow(self) -> Generator[Client]:
        """Lend a client of the other ledger for as long as the block runs; its writes are not awaited everywhere."""
        with self._ledger.borrow() as client:
            yield client

    def close(self) -> None:
        """Do nothing: the ledger behind belongs to somebody else."""

"""A ledger whose statements step back for those that somebody waits for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.priority import background_settings

if TYPE_CHECKING:
    from collections.abc import Generator

    from clickhouse_connect.driver.client import Client

__all__ = ["BackgroundLedger"]


class BackgroundLedger(Ledger):
    """The statements of another ledger at the priority of what nobody waits for.

    It holds nothing itself: closing it does nothing, and the other one must outlive it.

    Args:
        ledger: The ledger that runs the statements.

    Attributes:
        dsn: Where the ledger is.
    """

    def __init__(self, ledger: Ledger) -> None:
        # The base's constructor would open the ledger a second time.
        self.dsn = ledger.dsn
        self._ledger = ledger
        self._settings = background_settings(ledger)

    @property
    def origin(self) -> Ledger:
        """The ledger that the statements go to in the end."""
        return self._ledger.origin

    @contextmanager
    def borrow(self) -> Generator[Client]:
        """Lend a client of the other ledger for as long as the block runs; what it is asked itself has no settings."""
        with self._ledger.borrow() as client:
            yield client

    def close(self) -> None:
        """Do nothing: the ledger behind belongs to somebody else."""

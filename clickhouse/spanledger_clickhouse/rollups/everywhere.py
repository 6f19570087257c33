"""A ledger whose writes are on every replica before the next statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spanledger_clickhouse.ledger import ForwardingLedger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["WrittenEverywhere"]

_TIMEOUT_MS: Final = 60_000

_WHOLE: Final = {"skip_unavailable_shards": "0"}
"""A shard that does not answer is an error, whatever the DSN says: sums without it would stay wrong."""


class WrittenEverywhere(ForwardingLedger):
    """The statements of another ledger on a cluster, for who writes things that must be seen in order.

    Two tables are replicated independently of each other, and so are two rows of one. A pointer that is somewhere
    before its sums would make them count as nothing. So each insert is answered when every replica has it, and fails
    where one is away.

    Args:
        ledger: The ledger that runs the statements. What its lent clients write is not awaited everywhere.

    Attributes:
        copies: How many replicas there are of what is written.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, _WHOLE)
        self.copies = 1

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that writes, as of the base."""
        quorum = {"insert_quorum": str(self.copies), "insert_quorum_timeout": str(_TIMEOUT_MS)}
        with self.borrow() as client:
            settings = _WHOLE | (quorum if self.copies > 1 else {})
            client.command(sql, parameters=dict(parameters or {}), settings=settings)

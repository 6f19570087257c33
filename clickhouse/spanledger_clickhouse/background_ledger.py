"""A ledger whose statements step back for those that somebody waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger_clickhouse.ledger import ForwardingLedger
from spanledger_clickhouse.priority import background_settings

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["BackgroundLedger"]


class BackgroundLedger(ForwardingLedger):
    """The statements of another ledger at the priority of what nobody waits for.

    Args:
        ledger: The ledger that runs the statements.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, background_settings(ledger))

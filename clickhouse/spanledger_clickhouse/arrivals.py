"""When records arrived last, told by one row a day: the same cost however many records there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Arrivals", "read_arrivals"]

# Of the table rather than of its view: the greatest is the same, and to resolve the view takes longer than to read it.
_NEWEST: Final = """
SELECT toUnixTimestamp64Milli(max(arrived)) AS arrived, toUnixTimestamp64Milli(max(changed)) AS changed
FROM arrivals_local
"""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When the ledger last changed.

    Attributes:
        arrived_ms: When the newest record arrived, in milliseconds since 1970 UTC; 0 for an empty ledger.
        changed_ms: When a record was last written, by an arrival or by a new price; 0 for an empty ledger.
    """

    arrived_ms: int
    changed_ms: int


def read_arrivals(ledger: Ledger) -> Arrivals:
    """What a ledger says now. Read it before records: then they are at least as new as it says.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    (row,) = ledger.query(_NEWEST)
    return Arrivals(cast("int", row["arrived"]), cast("int", row["changed"]))

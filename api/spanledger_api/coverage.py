"""How far a report can be trusted: how fresh the ledger is, and what share was not priced by a price of its own."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING

from spanledger_api.amounts import share
from spanledger_api.rows import amount, integer
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_clickhouse.rollups import arrivals_now

if TYPE_CHECKING:
    from spanledger_api.filters import Where
    from spanledger_clickhouse.ledger import Ledger

_SHARES = Template("""
SELECT
    sum(sums.records) AS records,
    sum(sums.unpriced) AS unpriced,
    sum(sums.cost) AS total,
    sum(sums.fallback_cost) AS fallback
FROM $sums AS sums
""")
_MEASURES = (Measure.COST, Measure.FALLBACK_COST, Measure.RECORDS, Measure.UNPRICED)
# Every report says them, so a page with ten of one month asks ten times.
_SUMS = Sums((), _MEASURES, are_remembered=True)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What stands behind the amounts of one report.

    Attributes:
        unpriced_share: Share (0 to 1) of the records that nothing could price; 0 where there are no records.
        fallback_share: Share (0 to 1) of the amount priced by the fallback model; 0 where there is no amount.
    """

    unpriced_share: Decimal
    fallback_share: Decimal


def read_coverage(ledger: Ledger, where: Where) -> Coverage:
    """Shares among the cost records that meet the conditions; raises as :func:`spanledger_api.rows.ask`."""
    (row,) = ask_sums(ledger, _SHARES, where, _SUMS)
    return Coverage(
        unpriced_share=share(Decimal(integer(row, "unpriced")), Decimal(integer(row, "records"))),
        fallback_share=share(amount(row, "fallback"), amount(row, "total")),
    )


def newest_arrival(ledger: Ledger) -> int | None:
    """Nanoseconds since 1970 UTC at which the newest record arrived; None while the ledger is empty.

    It costs the same however many records there are. Read it before the report's rows: then the report holds at least
    what had arrived by that time.
    """
    return arrivals_now(ledger).arrived_ms * 1_000_000 or None

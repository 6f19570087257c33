"""How far a report can be trusted: how fresh the ledger is, and what share was not priced by a price of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING

from spanledger_api.amounts import share
from spanledger_api.filters import Where
from spanledger_api.rows import amount, ask, integer
from spanledger_api.times import nanoseconds_of
from spanledger_api.window import Window

if TYPE_CHECKING:
    from datetime import datetime

    from spanledger_clickhouse.ledger import Ledger

_SHARES = Template("""
SELECT
    count() AS records,
    countIf(source = 'unpriced') AS unpriced,
    sum(toDecimal256(total_cost, 12)) AS total,
    sumIf(toDecimal256(total_cost, 12), source = 'fallback') AS fallback
FROM cost_records
WHERE $where
""")

_NEWEST = Template("""
SELECT toUnixTimestamp64Milli(max(arrived)) AS newest
FROM
(
    SELECT max(created_at) AS arrived FROM cost_records WHERE $where
    UNION ALL
    SELECT max(created_at) AS arrived FROM performance_records WHERE $where
)
""")

_RECENT = timedelta(days=2)


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
    (row,) = ask(ledger, _SHARES, where)
    return Coverage(
        unpriced_share=share(Decimal(integer(row, "unpriced")), Decimal(integer(row, "records"))),
        fallback_share=share(amount(row, "fallback"), amount(row, "total")),
    )


def newest_arrival(ledger: Ledger, now: datetime) -> int | None:
    """Nanoseconds since 1970 UTC at which the newest record arrived; None while the ledger is empty.

    Among the spans of the last two days, if there are any, so that the question costs the same however old the ledger
    is; a span that came later than that does not make the ledger look fresher. Read it before the report's rows: then
    the report holds at least what had arrived by that time.

    Args:
        ledger: What to read.
        now: The current time, aware.
    """
    for start in (max(0, nanoseconds_of(now - _RECENT)), 0):
        (row,) = ask(ledger, _NEWEST, Where.within(Window(start)))
        if newest := integer(row, "newest"):
            return newest * 1_000_000
    return None

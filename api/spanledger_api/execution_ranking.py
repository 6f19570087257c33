"""Which executions may be the most expensive ones: upper bounds of what each cost, cheap to get of millions of them.

Exact sums of all executions would take more memory than one statement may. So records are first added up by a hash of
the execution, one number instead of a text, and as they lie: a repeat that FINAL would drop, or an earlier version,
counts too, and an amount below 0 does not. Executions with one hash count as one. All of that only makes a sum larger:
no execution cost more than the bound of its hash says. Whoever then finds enough executions that did cost more than the
bounds of all others has the most expensive ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING, Final, NamedTuple

from spanledger_api.chosen_executions import HASH, PAID_SINCE
from spanledger_api.filters import Where
from spanledger_api.rows import amount, ask_with, integer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Bound", "Ranking", "Roots"]

_LARGEST: Final = 10**15
"""An amount in USD counts as no more, so that 128 bits hold the sum of all; a bound that reaches it says nothing."""
_COST: Final = f"least(total_cost, toDecimal128('{_LARGEST}', 12))"
_PAID: Final = f"currency = 'USD' AND total_cost > 0 AND {PAID_SINCE}"
_BUCKET: Final = f"toUInt32(bitShiftRight({HASH}, 44))"
"""A million buckets: few enough for the processor's caches, and a dozen executions in each where there are many."""
_SHORT_HASH: Final = f"toUInt32(bitShiftRight({HASH}, 32))"

_BUCKETS: Final = Template(f"""
SELECT {_BUCKET} AS bucket, sum({_COST}) AS bound
FROM cost_records_local
WHERE {_PAID}
GROUP BY bucket
ORDER BY bound DESC
LIMIT {{most:UInt64}}
""")  # noqa: S608 - own text
_BOUNDS: Final = Template(f"""
SELECT hash, sum(cost) AS bound, max(began) AS latest
FROM
(
    SELECT {HASH} AS hash, toDecimal128(0, 12) AS cost, toUnixTimestamp64Nano(started_at) AS began
    FROM task_executions_local
    WHERE $where
    UNION ALL
    SELECT {HASH} AS hash, {_COST} AS cost, toInt64(0) AS began
    FROM cost_records_local
    PREWHERE $among AND {_SHORT_HASH} IN (SELECT {_SHORT_HASH} FROM task_executions_local WHERE $where)
    WHERE {_PAID}
)
GROUP BY hash
HAVING latest > 0
ORDER BY bound DESC, latest DESC
LIMIT {{most:UInt64}}
""")  # noqa: S608 - own text
_IN_BUCKETS: Final = f"{_BUCKET} IN {{buckets:Array(UInt32)}}"
_IN_PART: Final = f"{HASH} % {{parts:UInt64}} = {{part:UInt64}}"

_MOST_BUCKETS: Final = 512
"""Of so many the executions are told apart."""
_PART: Final = 1_500_000
"""Bounds of so many executions fit into the memory of one statement several times over."""
_SETTINGS: Final = {"max_execution_time": 25}


class Bound(NamedTuple):
    """What an execution's cost and start are at most, in this order.

    Attributes:
        cost: USD.
        latest: Nanoseconds since 1970 UTC.
    """

    cost: Decimal
    latest: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The hashes with the highest bounds.

    Attributes:
        bounds: By hash, the highest first.
        others: What no execution of another hash is above; None where there is none.
    """

    bounds: Mapping[int, Bound]
    others: Bound | None


@dataclass(frozen=True, slots=True)
class Roots:
    """The roots of the executions that are ranked.

    Attributes:
        ledger: Where they are.
        where: Conditions on a root that no other root fulfils.
        count: How many there are.
        costs_from: First instant of the records that count, in nanoseconds since 1970 UTC.
    """

    ledger: Ledger
    where: Where
    count: int
    costs_from: int

    def rankings(self, most: int) -> Iterator[Ranking]:
        """Rank them by bounds, in one way after the other, until the caller is content.

        Args:
            most: How many hashes are wanted.

        Raises:
            LedgerUnavailableError: The ledger cannot be reached or did not answer in time.
        """
        if self.count > _PART:
            yield self._ranked_by_buckets(most)
        yield self._ranked_by_parts(most)

    def _ranked_by_buckets(self, most: int) -> Ranking:
        """Only what is in the buckets of hashes that were paid most for: enough where some cost far more than most."""
        bound = {"costs_from": self.costs_from, "most": _MOST_BUCKETS}
        buckets = ask_with(self.ledger, _BUCKETS, Where((), bound), _SETTINGS)
        numbers = {"buckets": [integer(row, "bucket") for row in buckets]}
        found = self._bounds(_IN_BUCKETS, numbers, most)
        least = Bound(_bounding(amount(buckets[-1], "bound")), _NO_TIME) if buckets else Bound(Decimal(0), _NO_TIME)
        return _ranking(found, most, least)

    def _ranked_by_parts(self, most: int) -> Ranking:
        parts = 1 + self.count // _PART
        found = (row for part in range(parts) for row in self._bounds(_IN_PART, {"parts": parts, "part": part}, most))
        return _ranking(found, most, None)

    def _bounds(self, among: str, values: Mapping[str, object], most: int) -> list[Row]:
        bound = {**self.where.parameters, **values, "costs_from": self.costs_from, "most": most + 1}
        sql = Template(_BOUNDS.safe_substitute(among=among))
        return ask_with(self.ledger, sql, Where((*self.where.conditions, among), bound), _SETTINGS)


_NO_TIME: Final = 2**63 - 1


def _bounding(cost: Decimal) -> Decimal:
    return cost if cost < _LARGEST else Decimal("Infinity")


def _ranking(rows: Iterable[Row], most: int, least: Bound | None) -> Ranking:
    found = [(integer(row, "hash"), Bound(_bounding(amount(row, "bound")), integer(row, "latest"))) for row in rows]
    found.sort(key=lambda each: each[1], reverse=True)
    left = [bound for _, bound in found[most : most + 1]]
    if least is not None:
        left.append(least)
    return Ranking(dict(found[:most]), max(left, default=None))

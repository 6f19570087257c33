"""What each day cost, remembered: only days on which something changed are read again.

A day of the past is read once and then when something of it arrives late, however many budgets look at it. The exact
sum of a year costs no more than today's.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING, Final, cast

from spanledger_api.grouping import Interval, within_local
from spanledger_api.rows import amount, day
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_api.window import Window, first_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_api.alerts.budget import BudgetDefinition
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["DailyCosts"]

_LOOK_BACK: Final = timedelta(seconds=60)
"""An insert becomes visible some time after the time it carries; no insert takes longer than this."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MOST_REMEMBERED: Final = 1000
_DAY: Final = timedelta(days=1)

_CHANGED: Final = """
SELECT now64(3, 'UTC') AS now, groupArrayIf(day, changed >= {since:DateTime64(3, 'UTC')}) AS days FROM arrivals
"""
_COSTS: Final = Template("""
SELECT toDate32(started_at, {timezone:String}) AS day, sum(sums.cost) AS cost
FROM $sums AS sums
WHERE day IN {days:Array(Date32)}
GROUP BY day
""")


@dataclass
class _Remembered:
    """The costs of one budget's scope by day, as of a time of the ledger's clock."""

    as_of: datetime = _EPOCH
    costs: dict[date, Decimal] = field(default_factory=dict[date, Decimal])


class DailyCosts:
    """Reads and remembers; it may be used from any thread.

    Args:
        ledger: A ledger with the current schema.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._remembered: dict[tuple[object, ...], _Remembered] = {}

    def read(self, budget: BudgetDefinition, first: date, end: date) -> Mapping[date, Decimal]:
        """Exact cost of each day that cost something, in the budget's currency, scope and time zone.

        Args:
            budget: What counts.
            first: The first day.
            end: The first day that is not asked for.

        Raises:
            ClickHouseError: The ledger does not answer.
        """
        with self._lock:
            key = (budget.scope, budget.scope_value, budget.currency, budget.timezone)
            if key not in self._remembered and len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            known = self._remembered.setdefault(key, _Remembered())
            [told] = self._ledger.query(_CHANGED, {"since": known.as_of - _LOOK_BACK if known.costs else _EPOCH})
            # A day of a time zone lies in two or three days of UTC.
            changed = {each + n * _DAY for each in cast("list[date]", told["days"]) for n in (-1, 0, 1)}
            asked = [first + n * _DAY for n in range((end - first).days)]
            due = [each for each in asked if each in changed or each not in known.costs]
            fresh = dict.fromkeys(due, Decimal(0)) | self._read(budget, due)
            for each in changed - set(asked):
                known.costs.pop(each, None)
            known.costs.update(fresh)
            known.as_of = cast("datetime", told["now"])
            return {each: known.costs[each] for each in asked if known.costs[each]}

    def _read(self, budget: BudgetDefinition, days: list[date]) -> dict[date, Decimal]:
        if not days:
            return {}
        zone = budget.zone
        window = Window(first_instant(min(days), zone), first_instant(max(days) + _DAY, zone))
        sums = Sums((), (Measure.COST,), is_whole=within_local(Interval.DAY, zone))
        rows = ask_sums(self._ledger, _COSTS, budget.within(window), sums, timezone=budget.timezone, days=days)
        return {day(row, "day"): amount(row, "cost") for row in rows}

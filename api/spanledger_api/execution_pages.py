"""One page of executions, found without looking at more of the others than it must."""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger_api.chosen_executions import EXECUTIONS
from spanledger_api.dearest_executions import read_dearest
from spanledger_api.execution_costs import read_costs
from spanledger_api.rows import ask, integer, text

if TYPE_CHECKING:
    from spanledger_api.chosen_executions import ChosenExecutions
    from spanledger_api.paging import Page
    from spanledger_api.rows import Row

__all__ = ["ExecutionPages"]

# The id is in the table's key, so that it may be looked at first.
_FOUND: Final = EXECUTIONS.replace("$roots", "PREWHERE execution_id IN ($candidates)")
_IN_WINDOW: Final = "SELECT execution_id FROM task_executions_local WHERE $where"
_SINCE: Final = "SELECT execution_id FROM task_executions_local WHERE started_at >= $horizon AND $condition"
_HORIZON: Final = "fromUnixTimestamp64Nano({horizon:Int64}, 'UTC')"
_NEWEST: Final = Template("""
SELECT toUnixTimestamp64Nano(min(start)) AS horizon, count() AS roots
FROM
(
    SELECT started_at AS start FROM task_executions_local WHERE $where ORDER BY start DESC LIMIT {most:UInt64}
)
""")
_BY_START: Final = "started_ns DESC, execution_id"
_BY_LENGTH: Final = "length_ns DESC, started_ns DESC, execution_id"
_NEWEST_EXECUTIONS: Final = f"SELECT * FROM ({_FOUND}) ORDER BY {_BY_START}"  # noqa: S608 - own text
# The columns that nobody asks of the inner part are never read, and it has as many rows as there are executions.
_LONGEST_IDS: Final = f"SELECT execution_id FROM ({_FOUND}) ORDER BY {_BY_LENGTH} $page"  # noqa: S608 - own text
_LONGEST_EXECUTIONS: Final = f"""
SELECT * FROM ({_FOUND.replace("$chosen", "1").replace("$candidates", _LONGEST_IDS)})
ORDER BY {_BY_LENGTH}
"""  # noqa: S608 - own text
_COSTS: Final = """
    SELECT
        execution_id, sumIf(toDecimal256(total_cost, 12), currency = 'USD') AS cost,
        countIf(service IN ('openai', 'google_video_ai', 'whisper')) AS calls, count() AS records
    FROM cost_records
    WHERE execution_id IN (SELECT execution_id FROM found)
        AND started_at >= fromUnixTimestamp64Nano({costs_from:Int64}, 'UTC')
    GROUP BY execution_id
"""
_DEAREST_EXECUTIONS: Final = f"""
WITH found AS
({_FOUND})
SELECT
    execution_id, user, task, state, message, started_ns, completed_ns, unfinished, length_ns,
    costs.cost AS cost, costs.calls AS calls, costs.records AS records
FROM found
LEFT JOIN
({_COSTS}) AS costs USING (execution_id)
ORDER BY cost DESC, started_ns DESC, execution_id
"""  # noqa: S608 - own text
_FIRST_LOOK: Final = 1.25
"""How many rows are looked at first, by executions that are wanted: some have more than one."""
_WIDER: Final = 16
_MOST_LISTED: Final = 1000
"""Executions of a page, and before it, that are looked at one by one; what comes later is found among all."""
_SPARE: Final = 32
"""So many more are, as some may not be meant."""


@dataclass(frozen=True, slots=True)
class ExecutionPages:
    """A list of executions in pages.

    Attributes:
        executions: Those in the list.
    """

    executions: ChosenExecutions

    def newest(self, page: Page) -> list[Row]:
        """A page of them, the newest first; raises as :func:`spanledger_api.rows.ask`.

        All roots of the wanted executions began after some instant. It is guessed, and moved back until the page is
        full. Nobody can guess it where records are asked for too, of which roots say nothing.
        """
        if self.executions.paid:
            rows = self._first(_BY_START, page)
            return self._since(None, page) if rows is None else rows
        wanted = page.offset + page.limit + 1
        most = int(wanted * _FIRST_LOOK) + 8
        while True:
            horizon = self._horizon(most)
            rows = self._since(horizon, page)
            if horizon is None or len(rows) > page.limit:
                return rows
            most *= _WIDER

    def longest(self, page: Page) -> list[Row]:
        """A page of them, those that took longest first; raises as :func:`spanledger_api.rows.ask`."""
        rows = self._first(_BY_LENGTH, page)
        if rows is not None:
            return rows
        sql = Template(_LONGEST_EXECUTIONS).safe_substitute(
            candidates=_IN_WINDOW, chosen=self.executions.chosen, page=page.sql
        )
        return self._ask(sql, None, **page.parameters)

    def dearest(self, page: Page) -> list[Row]:
        """A page of them with what :meth:`costs` says, the most expensive first; raises as it does."""
        wanted = page.offset + page.limit + 1
        rows = read_dearest(self.executions, wanted) if wanted <= _MOST_LISTED else None
        if rows is not None:
            return list(page.cut(rows))
        sql = Template(_DEAREST_EXECUTIONS).safe_substitute(candidates=_IN_WINDOW, chosen=self.executions.chosen)
        return self._ask(sql, page)

    def costs(self, rows: list[Row]) -> dict[str, Row]:
        """What executions cost; as :func:`spanledger_api.execution_costs.read_costs`."""
        ids = [text(row, "execution_id") for row in rows]
        return read_costs(self.executions.ledger, ids, self.executions.costs_from)

    def _first(self, order: str, page: Page) -> list[Row] | None:
        """A page of the first in an order; None where too few of those that were looked at are meant."""
        wanted = page.offset + page.limit + 1
        if wanted > _MOST_LISTED:
            return None
        ids = self.executions.first(order, wanted + _SPARE)
        place = {execution_id: number for number, execution_id in enumerate(ids)}
        rows = sorted(self.executions.exact(ids), key=lambda row: place[text(row, "execution_id")]) if ids else []
        is_full = len(rows) >= wanted or len(ids) < wanted + _SPARE
        return list(page.cut(rows)) if is_full else None

    def _horizon(self, most: int) -> int | None:
        """Since when so many roots began that may be of such executions; None where there are fewer in all."""
        where, of_root = self.executions.where, self.executions.of_root
        narrowed = replace(where, conditions=(*where.conditions, *of_root))
        (row,) = ask(self.executions.ledger, _NEWEST, narrowed, None, **self.executions.bound, most=most)
        return integer(row, "horizon") if integer(row, "roots") == most else None

    def _since(self, horizon: int | None, page: Page) -> list[Row]:
        """A page of those that began at an instant or later; None: in the whole window."""
        since = "fromUnixTimestamp64Nano({window_start:Int64}, 'UTC')" if horizon is None else _HORIZON
        candidates = " AND execution_id IN (".join(
            _SINCE.replace("$horizon", since).replace("$condition", condition)
            for condition in (*self.executions.of_root, self.executions.where.sql)
        ) + ")" * len(self.executions.of_root)
        chosen = self.executions.chosen
        if horizon is not None:
            chosen += " AND started_ns >= {horizon:Int64}"
        sql = Template(_NEWEST_EXECUTIONS).substitute(candidates=candidates, chosen=chosen)
        return self._ask(sql, page, **({} if horizon is None else {"horizon": horizon}))

    def _ask(self, sql: str, page: Page | None, **values: object) -> list[Row]:
        executions = self.executions
        return ask(executions.ledger, Template(sql), executions.where, page, **{**executions.values, **values})

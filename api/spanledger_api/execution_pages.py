"""One page of executions: only the newest rows are looked at where the newest executions are wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger_api.execution_costs import read_costs
from spanledger_api.rows import ask, integer, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_api.filters import Where
    from spanledger_api.paging import Page
    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["ExecutionPages"]

_FOUND: Final = """
    SELECT
        execution_id,
        argMin(user_id, (user_id = '', started_at, span_id)) AS user,
        argMin(task_type, (task_type = '', started_at, span_id)) AS task,
        multiIf(
            countIf(status = 'failed') > 0, 'failed', countIf(status = 'running') > 0, 'running', 'completed'
        ) AS state,
        argMin(error_message, (error_message = '', started_at, span_id)) AS message,
        min(toUnixTimestamp64Nano(started_at)) AS started_ns,
        max(toUnixTimestamp64Nano(ifNull(completed_at, started_at))) AS completed_ns,
        countIf(isNull(completed_at)) > 0 AS unfinished,
        if(unfinished, -1, toInt64(completed_ns - started_ns)) AS length_ns
    FROM task_executions_local FINAL
    PREWHERE execution_id IN ($candidates)
    GROUP BY execution_id
    HAVING $chosen
"""
"""Executions and what their roots say together. The id is in the table's key, so that it may be looked at first."""

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
_NEWEST_EXECUTIONS: Final = f"SELECT * FROM ({_FOUND}) ORDER BY started_ns DESC, execution_id"  # noqa: S608 - own text
# The columns that nobody asks of the inner part are never read, and it has as many rows as there are executions.
_LONGEST_IDS: Final = f"SELECT execution_id FROM ({_FOUND}) ORDER BY $order $page"  # noqa: S608 - own text
_LONGEST_EXECUTIONS: Final = f"""
SELECT * FROM ({_FOUND.replace("$chosen", "1").replace("$candidates", _LONGEST_IDS)})
ORDER BY $order
""".replace("$order", "length_ns DESC, started_ns DESC, execution_id")  # noqa: S608 - own text
_COSTS: Final = """
    SELECT
        execution_id, sumIf(toDecimal256(total_cost, 12), currency = 'USD') AS cost,
        countIf(service IN ('openai', 'google_video_ai', 'whisper')) AS calls, count() AS records
    FROM cost_records
    WHERE execution_id IN $ids AND started_at >= fromUnixTimestamp64Nano({costs_from:Int64}, 'UTC')
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
({_COSTS.replace("$ids", "(SELECT execution_id FROM found)")}) AS costs USING (execution_id)
ORDER BY cost DESC, started_ns DESC, execution_id
"""  # noqa: S608 - own text
_FIRST_LOOK: Final = 1.25
"""How many rows are looked at first, by executions that are wanted: some have more than one."""
_WIDER: Final = 16


@dataclass(frozen=True, slots=True)
class ExecutionPages:
    """Executions that began in a window.

    Attributes:
        ledger: Where they are.
        where: The window, as a condition on one root.
        whole: The conditions on whole executions: SQL over the columns of their roots together.
        of_root: What one root at least of such an execution says, as conditions on a root.
        bound: What the conditions bind.
        costs_from: First instant of the records that count, in nanoseconds since 1970 UTC.
        is_of_records: Whether the conditions ask for records too, of which roots say nothing.
    """

    ledger: Ledger
    where: Where
    whole: str
    of_root: tuple[str, ...]
    bound: Mapping[str, object]
    costs_from: int
    is_of_records: bool

    def newest(self, page: Page) -> list[Row]:
        """A page of them, the newest first; raises as :func:`spanledger_api.rows.ask`.

        All roots of the wanted executions began after some instant. It is guessed, and moved back until the page is
        full.
        """
        wanted = page.offset + page.limit + 1
        most = int(wanted * _FIRST_LOOK) + 8
        while True:
            horizon = None if self.is_of_records else self._horizon(most)
            rows = self._since(horizon, page)
            if horizon is None or len(rows) > page.limit:
                return rows
            most *= _WIDER

    def longest(self, page: Page) -> list[Row]:
        """A page of them, those that took longest first; raises as :func:`spanledger_api.rows.ask`."""
        sql = Template(_LONGEST_EXECUTIONS).safe_substitute(candidates=_IN_WINDOW, chosen=self.whole, page=page.sql)
        return ask(self.ledger, Template(sql), self.where, None, **self.bound, **page.parameters)

    def dearest(self, page: Page) -> list[Row]:
        """A page of them with what :meth:`costs` says, the most expensive first; raises as it does."""
        sql = Template(_DEAREST_EXECUTIONS).safe_substitute(candidates=_IN_WINDOW, chosen=self.whole)
        return ask(self.ledger, Template(sql), self.where, page, **{**self.bound, "costs_from": self.costs_from})

    def costs(self, rows: list[Row]) -> dict[str, Row]:
        """What executions cost and how many records they have; by execution, where it has any."""
        return read_costs(self.ledger, [text(row, "execution_id") for row in rows], self.costs_from)

    def _horizon(self, most: int) -> int | None:
        """Since when so many roots began that may be of such executions; None where there are fewer in all."""
        narrowed = replace(self.where, conditions=(*self.where.conditions, *self.of_root))
        (row,) = ask(self.ledger, _NEWEST, narrowed, None, **self.bound, most=most)
        return integer(row, "horizon") if integer(row, "roots") == most else None

    def _since(self, horizon: int | None, page: Page) -> list[Row]:
        """A page of those that began at an instant or later; None: in the whole window."""
        since = "fromUnixTimestamp64Nano({window_start:Int64}, 'UTC')" if horizon is None else _HORIZON
        candidates = " AND execution_id IN (".join(
            _SINCE.replace("$horizon", since).replace("$condition", condition)
            for condition in (*self.of_root, self.where.sql)
        ) + ")" * len(self.of_root)
        chosen = self.whole if horizon is None else f"{self.whole} AND started_ns >= {{horizon:Int64}}"
        sql = Template(_NEWEST_EXECUTIONS).substitute(candidates=candidates, chosen=chosen)
        bound: dict[str, object] = {} if horizon is None else {"horizon": horizon}
        return ask(self.ledger, Template(sql), self.where, page, **self.bound, **bound)

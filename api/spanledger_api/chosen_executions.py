"""The executions that a list is of, and what the roots of some of them say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger_api.rows import ask, ask_with, integer, text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from spanledger_api.filters import Where
    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["EXECUTIONS", "HASH", "PAID_SINCE", "ChosenExecutions"]

HASH: Final = "cityHash64(execution_id)"
"""SQL of what stands for an execution where there are millions of them; others may have the same."""

PAID_SINCE: Final = "started_at >= fromUnixTimestamp64Nano({costs_from:Int64}, 'UTC')"
"""SQL of whether a record counts towards the cost of an execution."""

EXECUTIONS: Final = """
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
    $roots
    GROUP BY execution_id
    HAVING $chosen
"""
"""SQL of executions and what their roots say together."""

_SINCE_WINDOW: Final = "started_at >= fromUnixTimestamp64Nano({window_start:Int64}, 'UTC')"
_PAYING: Final = "execution_id IN (SELECT execution_id FROM cost_records WHERE $paid)"
_MAYBE_PAYING: Final = f"{HASH} IN (SELECT {HASH} FROM cost_records_local WHERE $paid)"  # noqa: S608 - own text
_MAYBE_MEANT: Final = f"{HASH} IN (SELECT {HASH} FROM task_executions_local WHERE {_SINCE_WINDOW} AND $condition)"  # noqa: S608 - own text
_OF_IDS: Final = "execution_id IN {execution_ids:Array(String)}"
# The id is in the table's key, so that it may be looked at first.
_EXACT: Final = Template(EXECUTIONS.replace("$roots", "PREWHERE $where"))
# No root before the window is looked at: an execution that has one did not begin in the window.
_FIRST: Final = f"""
SELECT execution_id
FROM ({EXECUTIONS.replace("$roots", "WHERE $where")})
ORDER BY $order
LIMIT {{most:UInt64}}
"""  # noqa: S608 - own text
# Rows are added up as they come in the order of the table's key, so that few executions are in memory at a time.
_IN_ORDER: Final = {"optimize_aggregation_in_order": 1, "max_execution_time": 25}
_COUNT: Final = Template("SELECT count() AS roots FROM task_executions_local WHERE $where")


@dataclass(frozen=True, slots=True)
class ChosenExecutions:
    """Executions that began in a window.

    Attributes:
        ledger: Where they are.
        where: The window, as a condition on one root.
        whole: The conditions on whole executions: SQL over the columns of their roots together.
        of_root: What one root at least of such an execution says, as conditions on a root.
        bound: What the conditions bind.
        costs_from: First instant of the records that count, in nanoseconds since 1970 UTC.
        paid: The conditions on the one record, at least, that such an execution has; empty where it needs none.
    """

    ledger: Ledger
    where: Where
    whole: str
    of_root: tuple[str, ...]
    bound: Mapping[str, object]
    costs_from: int
    paid: str

    @property
    def chosen(self) -> str:
        """All that is asked of a whole execution."""
        return self._chosen("")

    @property
    def values(self) -> dict[str, object]:
        """What all the conditions bind, without the window."""
        return {**self.bound, "costs_from": self.costs_from}

    @property
    def roots(self) -> Where:
        """Conditions that a root in the window of every one of them fulfils, and hardly another: none takes long."""
        return self._narrowed(self.where.conditions)

    def count(self) -> int:
        """How many such roots there are; raises as :func:`spanledger_api.rows.ask`."""
        (row,) = ask(self.ledger, _COUNT, self.roots)
        return integer(row, "roots")

    def first(self, order: str, most: int) -> list[str]:
        """The ids of the first in some order, among some that are not meant; raises as :meth:`count`."""
        sql = Template(_FIRST).safe_substitute(order=order, chosen=self.whole)
        where = self._narrowed((_SINCE_WINDOW,))
        where = replace(where, parameters={**where.parameters, "most": most})
        return [text(row, "execution_id") for row in ask_with(self.ledger, Template(sql), where, _IN_ORDER)]

    def exact(self, execution_ids: Collection[str]) -> list[Row]:
        """What the roots say of those of some executions that are meant; raises as :meth:`count`."""
        sql = Template(_EXACT.safe_substitute(chosen=self._chosen(f" AND {_OF_IDS}")))
        where = replace(self.where, conditions=(_OF_IDS,))
        return ask(self.ledger, sql, where, None, execution_ids=list(execution_ids), **self.values)

    def _chosen(self, among: str) -> str:
        if not self.paid:
            return self.whole
        return f"{self.whole} AND {_PAYING.replace('$paid', f'{PAID_SINCE} AND {self.paid}{among}')}"

    def _narrowed(self, conditions: tuple[str, ...]) -> Where:
        maybe = [_MAYBE_MEANT.replace("$condition", condition) for condition in self.of_root]
        if self.paid:
            maybe.append(_MAYBE_PAYING.replace("$paid", f"{PAID_SINCE} AND {self.paid}"))
        return replace(
            self.where, conditions=(*conditions, *maybe), parameters={**self.where.parameters, **self.values}
        )

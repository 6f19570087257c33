"""The most expensive executions, exactly: those whose cost is above what all others can have cost at most."""

from __future__ import annotations

from collections import defaultdict
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger_api.chosen_executions import HASH
from spanledger_api.execution_costs import read_costs
from spanledger_api.execution_ranking import Bound, Roots
from spanledger_api.rows import amount, ask, integer, text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from spanledger_api.chosen_executions import ChosenExecutions
    from spanledger_api.execution_ranking import Ranking
    from spanledger_api.rows import Row

__all__ = ["read_dearest"]

_IDS: Final = Template("SELECT DISTINCT execution_id FROM task_executions_local WHERE $where")
_OF_HASHES: Final = Template(f"""
SELECT DISTINCT {HASH} AS hash, execution_id
FROM task_executions_local
PREWHERE {HASH} IN {{hashes:Array(UInt64)}}
WHERE $where
""")  # noqa: S608 - own text
_FEW: Final = 1000
"""The costs of so many executions are looked up one by one."""
_MANY: Final = 50_000
"""From so many roots on bounds pay; exact sums of fewer take hardly longer."""
_SPARE: Final = 100
"""So many more bounds are asked for than executions: some executions cost less than theirs."""


def read_dearest(executions: ChosenExecutions, wanted: int) -> list[Row] | None:
    """The executions that cost most, the most expensive first, then the latest, then by id.

    Args:
        executions: Which executions.
        wanted: How many of them, a thousand at most; there may be more in the result, all in their places.

    Returns:
        What the roots say of each, and what it cost; None where exact sums of all of them have to tell.

    Raises:
        LedgerUnavailableError: The ledger cannot be reached or did not answer in time.
    """
    roots = Roots(executions.ledger, executions.roots, executions.count(), executions.costs_from)
    if roots.count <= _FEW:
        ids = [text(row, "execution_id") for row in ask(executions.ledger, _IDS, roots.where)]
        return _by_cost(_priced(executions, ids))
    if roots.count < _MANY:
        return None
    for ranking in roots.rankings(wanted + _SPARE):
        rows = _proven(executions, roots, ranking, wanted)
        if rows is not None:
            return rows
    return None


def _proven(executions: ChosenExecutions, roots: Roots, ranking: Ranking, wanted: int) -> list[Row] | None:
    """The wanted ones of a ranking; None where others may have cost as much."""
    ids, bounds = _ids_by_hash(roots, list(ranking.bounds)), list(ranking.bounds.values())
    found: list[Row] = []
    least: Bound | None = None
    taken, following = 0, wanted
    while following > taken:
        hashes = list(ranking.bounds)[taken:following]
        found = _by_cost([*found, *_priced(executions, [each for hashed in hashes for each in ids[hashed]])])
        taken = following
        least = _bound(found[wanted - 1]) if len(found) >= wanted else None
        # All that may have cost as much as the last of those.
        following = len(bounds) if least is None else max(taken, sum(bound >= least for bound in bounds))
    is_last = ranking.others is None or (least is not None and least > ranking.others)
    return found if is_last else None


def _ids_by_hash(roots: Roots, hashes: Sequence[int]) -> defaultdict[int, list[str]]:
    ids: defaultdict[int, list[str]] = defaultdict(list)
    for row in ask(roots.ledger, _OF_HASHES, roots.where, None, hashes=list(hashes)):
        ids[integer(row, "hash")].append(text(row, "execution_id"))
    return ids


def _priced(executions: ChosenExecutions, ids: Collection[str]) -> list[Row]:
    """Those of some executions that are meant, with what they cost."""
    rows = executions.exact(ids) if ids else []
    costs = read_costs(executions.ledger, [text(row, "execution_id") for row in rows], executions.costs_from)
    return [{**row, **costs[text(row, "execution_id")]} for row in rows]


def _by_cost(rows: Iterable[Row]) -> list[Row]:
    by_id = sorted(rows, key=lambda row: text(row, "execution_id"))
    return sorted(by_id, key=_bound, reverse=True)


def _bound(row: Row) -> Bound:
    return Bound(amount(row, "cost"), integer(row, "started_ns"))

"""Removes generations that no longer count, once nobody can be reading them any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast

from spanledger_clickhouse.migrations import deployed
from spanledger_clickhouse.rollups.family import FAMILIES, Source

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.family import Family

__all__ = ["RollupSweeper"]

_GRACE_SECONDS: Final = 900.0
"""A plan that names a generation is carried out, and a rebuild writes its pointer, long before this is over."""

_MOST_AT_ONCE: Final = 20_000
_MOST_IN_A_TEXT: Final = 5_000

_OUTDATED: Final = """
SELECT DISTINCT generation FROM ($generations)
WHERE generation NOT IN (
    SELECT generation FROM rollup_pointers_local FINAL
    UNION ALL
    SELECT generation FROM rollup_slice_pointers_local FINAL
    WHERE (source, table_id, hour) NOT IN (SELECT source, table_id, bucket FROM rollup_pointers_local WHERE width = 1))
LIMIT {most:UInt32}
"""


class RollupSweeper:
    """Removes what was replaced, and what a rebuild left behind that was cut off.

    Args:
        ledger: A ledger with the current schema.
        grace_seconds: For how long a generation must have been seen not to count before it is removed.

    Attributes:
        removed: How many generations were removed.
    """

    def __init__(self, ledger: Ledger, grace_seconds: float = _GRACE_SECONDS) -> None:
        self.removed = 0
        self._ledger = ledger
        self._grace_seconds = grace_seconds
        self._outdated_since: dict[Source, dict[int, float]] = {}

    def sweep(self) -> None:
        """Remove what is due.

        Raises:
            ClickHouseError: The engine did not do it.
        """
        for source in Source:
            self._sweep(source)

    def _sweep(self, source: Source) -> None:
        now, families = time.monotonic(), [family for family in FAMILIES if family.source is source]
        # The rows of lookups are not in the order of generations, and are made after sums of the same generation: what
        # these do not have, those do not have either. So they must go before them.
        of_sums = [f"SELECT generation FROM {family.table}" for family in families if not family.is_lookup]  # noqa: S608 - of an enumeration
        sql = _OUTDATED.replace("$generations", " UNION ALL ".join(of_sums))
        rows = self._ledger.query(sql, {"most": _MOST_AT_ONCE})
        seen = self._outdated_since.get(source, {})
        outdated = {cast("int", row["generation"]): seen.get(cast("int", row["generation"]), now) for row in rows}
        self._outdated_since[source] = outdated
        due = [generation for generation, since in outdated.items() if now - since >= self._grace_seconds]
        for family in sorted(families, key=lambda each: not each.is_lookup) if due else ():
            self._remove(family, due)
        self.removed += len(due)

    def _remove(self, family: Family, due: list[int]) -> None:
        removal = f"ALTER TABLE {family.table} DELETE WHERE generation IN "
        if not self._ledger.dsn.cluster:
            self._ledger.command(f"{removal}{{due:Array(UInt64)}}", {"due": due})
            return
        # What every node is told to do is a text of its own.
        for first in range(0, len(due), _MOST_IN_A_TEXT):
            chosen = ", ".join(map(str, due[first : first + _MOST_IN_A_TEXT]))
            for statement in deployed(self._ledger, [f"{removal}({chosen})"]):
                self._ledger.command(statement)

"""Which months of a table are merged: no row of theirs has another version in another part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["MergedMonths", "read_merged_months"]

# A part of level 0 was written as its rows came, and may hold one twice.
_MONTHS: Final = """
SELECT table, toUInt32OrZero(partition) AS month, count() = 1 AND min(level) > 0 AS is_merged
FROM system.parts
WHERE active AND database = {database:String} AND table IN {tables:Array(String)}
GROUP BY table, month
"""
_DATES: Final = range(197001, 214907)
"""The months that a date of the engine can name. Other instants have dates of these."""


class MergedMonths:
    """The months of some tables as they were at one moment.

    Args:
        months: By table and month, as ``toYYYYMM`` says it: whether it is merged.
    """

    def __init__(self, months: Mapping[tuple[str, int], bool]) -> None:
        self._months = months

    def hold(self, table: str, days: Iterable[date] | None) -> bool:
        """Whether every row of these days, and of times that no date names, has one version only.

        Of a table whose parts are on other machines nobody can tell.

        Args:
            table: The table, partitioned by month.
            days: Days of UTC; None stands for all.
        """
        known = {month: is_merged for (name, month), is_merged in self._months.items() if name == table}
        if days is None or not known:
            return False
        asked = {day.year * 100 + day.month for day in days}
        return all(is_merged for month, is_merged in known.items() if month in asked or month not in _DATES)


def read_merged_months(ledger: Ledger, tables: Sequence[str]) -> MergedMonths:
    """The months of some tables now. A row that is written later may have another version nevertheless.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    rows = ledger.query(_MONTHS, {"database": ledger.dsn.database, "tables": list(tables)})
    return MergedMonths({(str(row["table"]), cast("int", row["month"])): bool(row["is_merged"]) for row in rows})

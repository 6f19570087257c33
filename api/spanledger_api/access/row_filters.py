"""Which rows of each table somebody sees: one condition a table, applied by the engine wherever the table is read.

A table without the column that a scope goes by is empty for whoever has the scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from spanledger import attributes
from spanledger_api.access.principal import ScopeKind

if TYPE_CHECKING:
    from spanledger_api.access.principal import RowScope
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["row_filters"]

_TABLES: Final = """
SELECT
    tables.name AS name,
    groupArrayIf(columns.name, columns.name IN ('user_id', 'service')) AS columns
FROM system.tables AS tables
LEFT JOIN system.columns AS columns ON columns.database = tables.database AND columns.table = tables.name
WHERE tables.database = {database:String} AND tables.engine NOT IN ('View', 'MaterializedView')
GROUP BY name
"""
_SPANS: Final = "otel_traces"
_OF_SPANS: Final = {ScopeKind.USER_ID: attributes.USER_ID, ScopeKind.SERVICE: attributes.COST_SERVICE}
# They say when something arrived, and which advice is dismissed under ids that are hashes: nothing of anybody's.
# Batches only tell which adjustments took effect: those are filtered, and the list of batches is refused.
_OF_NOBODY: Final = frozenset({"adjustment_batches_local", "arrivals_local", "recommendation_dismissals_local"})


def row_filters(ledger: Ledger, scope: RowScope) -> dict[str, str]:
    """The condition on each table of a ledger, by the table's name with its database.

    Raises:
        ClickHouseError: The engine does not say which tables there are.
    """
    # In hexadecimal the value has no character that could end the text it stands in.
    value = f"unhex('{scope.value.encode().hex()}')"
    database = ledger.dsn.database
    return {
        f"{database}.{row['name']}": _condition(str(row["name"]), cast("list[str]", row["columns"]), scope.kind, value)
        for row in ledger.query(_TABLES, {"database": database})
        if row["name"] not in _OF_NOBODY
    }


def _condition(table: str, columns: list[str], kind: ScopeKind, value: str) -> str:
    if table == _SPANS:
        return f"SpanAttributes['{_OF_SPANS[kind]}'] = {value}"
    return f"{kind.value} = {value}" if kind in columns else "0"

"""The records of one execution, each as its newest version says it."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Final

from spanledger_api.named_records import IDS, SETTINGS, RecordLayout, read_newest
from spanledger_api.rows import ask_with
from spanledger_clickhouse.rollups import Source, find_execution

if TYPE_CHECKING:
    from spanledger_api.filters import Where
    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["read_records"]

# The records' tables rather than their views: to resolve the views takes the engine longer than to read the rows. The
# keys include all versions of the rows: with the index alone FINAL might miss the newer one of a row, and the engine's
# own cure for that reads the whole day from every part where one is fresh.
_MERGED: Final = Template("""
SELECT $columns
FROM $table AS r FINAL
PREWHERE ($key) IN (SELECT $key FROM $table WHERE $where)
WHERE $where
ORDER BY started_ns, trace, span
""")
_NAMED: Final = "execution_id = {execution_id:String}"
_DIGEST: Final = "lower(hex(MD5(concat(r.trace_id, r.span_id)))) AS digest"
_LAYOUTS: Final = {
    Source.COST: RecordLayout(
        Source.COST,
        f"""{_DIGEST}, execution_id, user_id, service, operation, quantity, unit, unit_cost, total_cost,
    toUnixTimestamp64Nano(started_at) AS started_ns, duration_ns, metadata,
    toUnixTimestamp64Milli(arrived_at) * 1000000 AS created_ns, currency, source, price_id, reason, model, task_type,
    step_name, prompt_category, prompt_name, status, error, {IDS}""",
    ),
    Source.PERFORMANCE: RecordLayout(
        Source.PERFORMANCE,
        f"""{_DIGEST}, execution_id, user_id, task_type, step_name, toUnixTimestamp64Nano(started_at) AS started_ns,
    toUnixTimestamp64Nano(addNanoseconds(started_at, duration_ns)) AS completed_ns, duration_ns, status, error,
    metadata, toUnixTimestamp64Milli(arrived_at) * 1000000 AS created_ns, {IDS}""",
    ),
}


def read_records(ledger: Ledger, source: Source, where: Where, execution_id: str) -> list[Row]:
    """The records of one source that name an execution, ascending by start, read only where it has any.

    Args:
        ledger: What is read.
        source: The records.
        where: What says that a record names the execution; it binds the identifier as ``execution_id``.
        execution_id: The execution.

    Returns:
        A row has what is shown of a record: instants as nanoseconds since 1970 UTC (``started_ns``, ``created_ns``, of
        steps ``completed_ns``), ``duration_ns``, identifiers in hexadecimal (``trace``, ``span``), and the MD5
        ``digest`` of both, which the record's own identifier is made of.

    Raises:
        LedgerUnavailableError: The ledger cannot be reached or did not answer in time.
    """
    layout = _LAYOUTS[source]
    found = find_execution(ledger, source, execution_id)
    where = where.at(found)
    newest = read_newest(ledger, layout, _NAMED, where, () if found is None else found.settled_parts)
    if newest is not None:
        return [row for row in newest if row["execution_id"] == execution_id]
    return ask_with(ledger, layout.of(_MERGED, layout.columns), where, SETTINGS)

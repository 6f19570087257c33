"""Cost records as the ledger knew them at an earlier time, instead of as it knows them now.

Records that arrived later are not there, and amounts that were changed later are what they were before. What the rater
decided in the seconds after a record arrived counts as known with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from spanledger_api.filters import Where

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_known", "as_known_parameters"]

_TABLE: Final = re.compile(r"\bFROM cost_records\b")
"""Where a statement of ours reads the records; no text of a request ever stands in one."""

_RECORDS: Final = """FROM
(
    SELECT
        record_id, execution_id, operation, started_at, duration, metadata, created_at, currency, model, task_type,
        step_name, prompt_category, prompt_name, status, error, duration_ns,
        records.trace_id AS trace_id, records.span_id AS span_id, records.user_id AS user_id,
        records.service AS service,
        if(first_number = 0, records.quantity, was.1) AS quantity,
        if(first_number = 0, records.unit, was.2) AS unit,
        if(first_number = 0, records.unit_cost, was.3) AS unit_cost,
        if(first_number = 0, records.total_cost, was.4) AS total_cost,
        if(first_number = 0, records.source, was.5) AS source,
        if(first_number = 0, records.price_id, was.6) AS price_id,
        if(first_number = 0, records.reason, was.7) AS reason
    FROM
    (
        SELECT * FROM cost_records
        WHERE created_at <= fromUnixTimestamp64Nano({known_at:Int64}, 'UTC')$window
    ) AS records
    LEFT JOIN
    (
        SELECT
            trace_id, span_id, user_id, service, min(number) AS first_number,
            argMin(
                (quantity_before, unit_before, unit_cost_before, total_cost_before, source_before, price_id_before,
                    reason_before), number) AS was
        FROM adjustments
        WHERE recorded_at > fromUnixTimestamp64Nano({known_at:Int64}, 'UTC')$window
        GROUP BY trace_id, span_id, user_id, service
    ) AS later ON records.trace_id = later.trace_id AND records.span_id = later.span_id
        AND records.user_id = later.user_id AND records.service = later.service
) AS cost_records"""

_STEPS: Final = re.compile(r"\bFROM performance_records\b")
_STEPS_KNOWN: Final = """FROM
(
    SELECT * FROM performance_records WHERE created_at <= fromUnixTimestamp64Nano({known_at:Int64}, 'UTC')$window
) AS performance_records"""


def as_known(sql: str, where: Where) -> str:
    """A statement over the records that reads them as they were known when the conditions say."""
    if where.known_at is None:
        return sql
    window = "" if where.window is None else f" AND {Where.within(where.window).sql}"
    for table, known in ((_TABLE, _RECORDS), (_STEPS, _STEPS_KNOWN)):
        sql = table.sub(known.replace("$window", window), sql)
    return sql


def as_known_parameters(where: Where) -> Mapping[str, object]:
    """What that statement binds besides."""
    return {} if where.known_at is None else {"known_at": where.known_at}

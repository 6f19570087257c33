"""Adjustments: what one record was and what it becomes, and the statements that carry them out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

from spanledger_clickhouse.record_versions import ROUND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spanledger.pricing import Charge
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.repricing.batch import Batch
    from spanledger_clickhouse.repricing.priced_record import PricedRecord

__all__ = [
    "apply_batch",
    "later_batches",
    "plan_reversal",
    "read_adjustments",
    "reversed_totals",
    "write_adjustments",
]

_RECORDS_A_STATEMENT: Final = 100_000
"""Bounds the memory of the join of adjustments and records."""

_COLUMNS: Final = (
    *("batch_id", "number", "adjustment_id", "undoes", "trace_id", "span_id", "started_at", "service", "user_id"),
    *("operation", "currency", "quantity_before", "quantity_after", "unit_before", "unit_after", "unit_cost_before"),
    *("unit_cost_after", "total_cost_before", "total_cost_after", "difference", "price_id_before", "price_id_after"),
    *("source_before", "source_after", "reason_before", "reason_after", "recorded_at", "recorded_by", "why"),
    "tool_version",
)

_REVERSE = """
INSERT INTO adjustments_local
(
    batch_id, number, adjustment_id, undoes, trace_id, span_id, started_at, service, user_id, operation, currency,
    quantity_before, quantity_after, unit_before, unit_after, unit_cost_before, unit_cost_after, total_cost_before,
    total_cost_after, difference, price_id_before, price_id_after, source_before, source_after, reason_before,
    reason_after, recorded_at, recorded_by, why, tool_version
)
SELECT
    {batch_id:String}, {number:UInt32}, generateUUIDv4(), toString(adjustment_id), trace_id, span_id, started_at,
    service, user_id, operation, currency, quantity_after, quantity_before, unit_after, unit_before, unit_cost_after,
    unit_cost_before, total_cost_after, total_cost_before, -difference, price_id_after, price_id_before, source_after,
    source_before, reason_after, reason_before, {recorded_at:DateTime64(3, 'UTC')}, {recorded_by:String},
    {why:String}, {tool_version:String}
FROM adjustments_local FINAL
WHERE batch_id = {undone:String}
SETTINGS async_insert = 0
"""

_PARTS = """
SELECT toString(toDate(started_at)) AS day, count() AS records
FROM adjustments_local FINAL
WHERE batch_id = {batch_id:String}
GROUP BY day
ORDER BY day
"""

_APPLY = """
INSERT INTO cost_records_local
(
    started_at, trace_id, span_id, execution_id, user_id, service, operation, model, quantity, unit, unit_cost,
    total_cost, currency, source, price_id, reason, duration_ns, status, error, task_type, step_name, prompt_category,
    prompt_name, metadata, usage, created_at, version
)
SELECT
    r.started_at, r.trace_id, r.span_id, r.execution_id, r.user_id, r.service, r.operation, r.model, a.quantity_after,
    a.unit_after, a.unit_cost_after, a.total_cost_after, a.currency, a.source_after, a.price_id_after, a.reason_after,
    r.duration_ns, r.status, r.error, r.task_type, r.step_name, r.prompt_category, r.prompt_name, r.metadata, r.usage,
    r.created_at, {version:Int64}
FROM
(
    SELECT * FROM cost_records_local FINAL
    WHERE toDate(started_at) = {day:Date} AND cityHash64(trace_id) % {parts:UInt64} = {part:UInt64}
) AS r
INNER JOIN
(
    SELECT * FROM adjustments_local FINAL
    WHERE batch_id = {batch_id:String} AND toDate(started_at) = {day:Date}
        AND cityHash64(trace_id) % {parts:UInt64} = {part:UInt64}
) AS a ON r.trace_id = a.trace_id AND r.span_id = a.span_id AND r.user_id = a.user_id AND r.service = a.service
SETTINGS async_insert = 0
"""

_LATER = """
SELECT later.batch_id AS batch_id, max(later.number) AS last, count() AS records
FROM adjustments AS later
INNER JOIN (SELECT trace_id, span_id, user_id, service, number FROM adjustments WHERE batch_id = {batch_id:String})
    AS own ON later.trace_id = own.trace_id AND later.span_id = own.span_id AND later.user_id = own.user_id
        AND later.service = own.service
WHERE later.number > own.number
GROUP BY later.batch_id
ORDER BY last DESC
"""

_TOTALS = """
SELECT
    currency, service, user_id AS user, toString(toDate(started_at)) AS day,
    sum(toDecimal256(total_cost_after, 12)) AS amount_before, sum(toDecimal256(total_cost_before, 12)) AS amount_after,
    count() AS records
FROM adjustments
WHERE batch_id = {batch_id:String}
GROUP BY currency, service, user, day
"""


def write_adjustments(ledger: Ledger, batch: Batch, changes: Sequence[tuple[PricedRecord, Charge]]) -> None:
    """Write what a planned batch makes of some records; nothing shows before the batch is committed."""
    rows = [_row(batch, record, charge) for record, charge in changes]
    with ledger.borrow() as client:
        client.insert("adjustments_local", rows, column_names=_COLUMNS)


def plan_reversal(ledger: Ledger, batch: Batch) -> None:
    """Write the reverse of each adjustment of the batch that ``batch`` undoes."""
    ledger.command(
        _REVERSE,
        {
            "batch_id": batch.batch_id,
            "number": batch.number,
            "recorded_at": batch.recorded_at,
            "recorded_by": batch.recorded_by,
            "why": batch.reason,
            "tool_version": batch.tool_version,
            "undone": batch.undoes,
        },
    )


def apply_batch(ledger: Ledger, batch: Batch) -> None:
    """Give each record of a committed batch its new version; writing it twice is the same as once."""
    for row in ledger.query(_PARTS, {"batch_id": batch.batch_id}):
        parts = cast("int", row["records"]) // _RECORDS_A_STATEMENT + 1
        for part in range(parts):
            ledger.command(
                _APPLY,
                {
                    "batch_id": batch.batch_id,
                    "day": row["day"],
                    "parts": parts,
                    "part": part,
                    "version": batch.number * ROUND,
                },
            )


def later_batches(ledger: Ledger, batch_id: str) -> list[str]:
    """The batches that changed records of this one after it, the latest first."""
    return [str(row["batch_id"]) for row in ledger.query(_LATER, {"batch_id": batch_id})]


def read_adjustments(ledger: Ledger, batch_id: str, limit: int) -> list[dict[str, object]]:
    """The adjustments of a batch that took effect, every column of the view, the largest differences first."""
    return ledger.query(
        "SELECT * FROM adjustments WHERE batch_id = {batch_id:String} "
        "ORDER BY abs(difference) DESC, started_at, span_id LIMIT {limit:UInt64}",
        {"batch_id": batch_id, "limit": limit},
    )


def reversed_totals(ledger: Ledger, batch_id: str) -> list[dict[str, object]]:
    """What undoing a batch would change, by currency, service, user and day."""
    return ledger.query(_TOTALS, {"batch_id": batch_id})


def _row(batch: Batch, record: PricedRecord, charge: Charge) -> list[object]:
    total = charge.total_cost or Decimal(0)
    return [
        *(batch.batch_id, batch.number, uuid4(), "", record.trace_id, record.span_id, record.started_ns),
        *(record.service, record.user_id, record.operation, charge.currency),
        *(record.quantity, charge.quantity, record.unit, charge.unit),
        *(record.unit_cost, charge.unit_cost or Decimal(0), record.total_cost, total, total - record.total_cost),
        *(record.price_id, charge.price_id or "", record.source, charge.source.value),
        *(record.reason, charge.reason or "", batch.recorded_at, batch.recorded_by, batch.reason, batch.tool_version),
    ]

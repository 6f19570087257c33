"""Adjustments: what one record was and what it becomes, and the statements that carry them out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

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

_ADJUSTMENTS_A_STATEMENT: Final = 500
"""They are one bound value, which a server takes in the line of a request."""

_WRITE = """
INSERT INTO adjustments_local
(
    batch_id, number, adjustment_id, undoes, trace_id, span_id, started_at, service, user_id, operation, currency,
    quantity_before, quantity_after, unit_before, unit_after, unit_cost_before, unit_cost_after, total_cost_before,
    total_cost_after, difference, price_id_before, price_id_after, source_before, source_after, reason_before,
    reason_after, recorded_at, recorded_by, why, tool_version
)
SELECT
    {batch_id:String}, {number:UInt32}, generateUUIDv4(), '', toFixedString(unhex(a.trace_id), 16),
    toFixedString(unhex(a.span_id), 8), fromUnixTimestamp64Nano(a.started_ns, 'UTC'), a.service, a.user_id, a.operation,
    a.currency, toDecimal128(a.quantity_before, 12), toDecimal128(a.quantity_after, 12), a.unit_before, a.unit_after,
    toDecimal128(a.unit_cost_before, 18), toDecimal128(a.unit_cost_after, 18), toDecimal128(a.total_cost_before, 12),
    toDecimal128(a.total_cost_after, 12), toDecimal128(a.difference, 12), a.price_id_before, a.price_id_after,
    a.source_before, a.source_after, a.reason_before, a.reason_after, {recorded_at:DateTime64(3, 'UTC')},
    {recorded_by:String}, {why:String}, {tool_version:String}
FROM
(
    SELECT arrayJoin(JSONExtract({adjustments:String}, 'Array(Tuple(
        trace_id String, span_id String, started_ns Int64, service String, user_id String, operation String,
        currency String, quantity_before String, quantity_after String, unit_before String, unit_after String,
        unit_cost_before String, unit_cost_after String, total_cost_before String, total_cost_after String,
        difference String, price_id_before String, price_id_after String, source_before String, source_after String,
        reason_before String, reason_after String))')) AS a
)
SETTINGS async_insert = 0
"""

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
    r.arrived_at, {version:Int64}
FROM
(
    SELECT *, arrived_at FROM cost_records_local FINAL
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
    for start in range(0, len(changes), _ADJUSTMENTS_A_STATEMENT):
        part = changes[start : start + _ADJUSTMENTS_A_STATEMENT]
        adjustments = json.dumps([_adjustment(record, charge) for record, charge in part])
        ledger.command(_WRITE, {**_described(batch), "adjustments": adjustments})


def plan_reversal(ledger: Ledger, batch: Batch) -> None:
    """Write the reverse of each adjustment of the batch that ``batch`` undoes."""
    ledger.command(_REVERSE, {**_described(batch), "undone": batch.undoes})


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


def _described(batch: Batch) -> dict[str, object]:
    """What every adjustment of a batch says of it."""
    return {
        "batch_id": batch.batch_id,
        "number": batch.number,
        "recorded_at": batch.recorded_at,
        "recorded_by": batch.recorded_by,
        "why": batch.reason,
        "tool_version": batch.tool_version,
    }


def _adjustment(record: PricedRecord, charge: Charge) -> dict[str, str | int]:
    total = charge.total_cost or Decimal(0)
    return {
        "trace_id": record.trace_id.hex(),
        "span_id": record.span_id.hex(),
        "started_ns": record.started_ns,
        "service": record.service,
        "user_id": record.user_id,
        "operation": record.operation,
        "currency": charge.currency,
        "quantity_before": format(record.quantity, "f"),
        "quantity_after": format(charge.quantity, "f"),
        "unit_before": record.unit,
        "unit_after": charge.unit,
        "unit_cost_before": format(record.unit_cost, "f"),
        "unit_cost_after": format(charge.unit_cost or Decimal(0), "f"),
        "total_cost_before": format(record.total_cost, "f"),
        "total_cost_after": format(total, "f"),
        "difference": format(total - record.total_cost, "f"),
        "price_id_before": record.price_id,
        "price_id_after": charge.price_id or "",
        "source_before": record.source,
        "source_after": charge.source.value,
        "reason_before": record.reason,
        "reason_after": charge.reason or "",
    }

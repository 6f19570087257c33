"""Cost records as a re-pricing reads them: what was used, and what was charged for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.repricing.scope import Scope

__all__ = ["PricedRecord", "read_records"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_RECORDS = """
SELECT
    cost_records_local.trace_id AS trace, cost_records_local.span_id AS span,
    toUnixTimestamp64Nano(started_at) AS started_ns, user_id, service, operation, model, quantity, unit, unit_cost,
    total_cost, currency, source, price_id, reason,
    mapFilter((k, v) -> k IN ('prompt_tokens', 'completion_tokens', 'provider'), metadata) AS details, usage
FROM cost_records_local FINAL
WHERE {conditions}
"""


@dataclass(frozen=True, slots=True)
class PricedRecord:
    """One cost record.

    Attributes:
        trace_id: The span's trace, 16 bytes.
        span_id: The span, 8 bytes.
        started_ns: When the paid operation started, in nanoseconds since 1970 UTC; it decides which prices apply.
        user_id: On whose behalf; empty if unknown.
        service: Who was paid.
        operation: What was done.
        model: The model that was asked for; empty where there is none.
        quantity: How much was used, in ``unit``.
        unit: The unit of the quantity.
        unit_cost: Price of one unit in ``currency``; 0 where unpriced.
        total_cost: The amount in ``currency``; 0 where unpriced.
        currency: ISO 4217 code of the amounts.
        source: How the amount came about: a value of :class:`spanledger.pricing.CostSource`.
        price_id: The price row it was charged by; empty where none was.
        reason: Why it is a fallback or unpriced; empty otherwise.
        details: What its metadata say of tokens and provider.
        usage: The span's attributes of usage; empty for records from before they were kept.
    """

    trace_id: bytes
    span_id: bytes
    started_ns: int
    user_id: str
    service: str
    operation: str
    model: str
    quantity: Decimal
    unit: str
    unit_cost: Decimal
    total_cost: Decimal
    currency: str
    source: str
    price_id: str
    reason: str
    details: Mapping[str, str]
    usage: Mapping[str, str]

    @property
    def started_at(self) -> datetime:
        """When it started, to the microsecond."""
        return _EPOCH + timedelta(microseconds=self.started_ns // 1000)


def read_records(ledger: Ledger, scope: Scope) -> Iterator[PricedRecord]:
    """The records of a scope, in parts, so that memory does not grow with their number.

    Raises:
        ClickHouseError: The ledger failed.
    """
    sql = _RECORDS.replace("{conditions}", scope.sql)
    with ledger.borrow() as client, client.query_row_block_stream(sql, parameters=scope.parameters) as stream:
        for block in cast("Iterable[list[tuple[object, ...]]]", stream):
            for row in block:
                yield PricedRecord(*row)  # type: ignore[arg-type]  # the columns stand in the order of the fields

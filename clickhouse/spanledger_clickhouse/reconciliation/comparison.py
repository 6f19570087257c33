"""The bill beside the ledger, by service and day or month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.reconciliation.invoice import Invoice

__all__ = ["Comparison", "compare"]

_EXACT: Final = Context(prec=160, rounding=ROUND_HALF_EVEN)
_PERCENT_PLACES: Final = Decimal("0.01")

_COMPUTED = """
SELECT
    lower(service) AS name,
    if({monthly:UInt8}, toStartOfMonth(toDate32(started_at, 'UTC')), toDate32(started_at, 'UTC')) AS since,
    sum(toDecimal256(total_cost, 12)) AS amount, count() AS records, countIf(source = 'unpriced') AS unpriced
FROM cost_records
WHERE currency = {currency:String} AND name IN {services:Array(String)}
    AND toDate32(started_at, 'UTC') >= {first:Date32} AND toDate32(started_at, 'UTC') < {end:Date32}
GROUP BY name, since
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One service on one day or in one month.

    Attributes:
        service: The service, in lower case.
        since: The day, or the first of the month.
        billed: What the provider billed.
        computed: What the ledger says; 0 where it has no record.
        records: Cost records of the ledger.
        unpriced: Those of them without an amount.
    """

    service: str
    since: date
    billed: Decimal
    computed: Decimal
    records: int
    unpriced: int

    @property
    def residual(self) -> Decimal:
        """What was billed and not computed; negative where the ledger has more."""
        return _EXACT.subtract(self.billed, self.computed)

    @property
    def residual_percent(self) -> Decimal | None:
        """The residual in percent of the bill, half-even at 2 places; None where nothing was billed."""
        if not self.billed:
            return None
        return _EXACT.quantize(_EXACT.divide(100 * self.residual, self.billed), _PERCENT_PLACES)


def compare(ledger: Ledger, invoice: Invoice, currency: str) -> list[Comparison]:
    """Bill and ledger side by side, by service and time; also where only one of them has an amount.

    The ledger is asked about the services of the bill, from its first to its last day or month.
    """
    if not invoice.amounts:
        return []
    computed = _computed(ledger, invoice, currency)
    return [
        Comparison(
            service,
            since,
            invoice.amounts.get((service, since), Decimal(0)),
            cast("Decimal", row["amount"]) if (row := computed.get((service, since))) else Decimal(0),
            cast("int", row["records"]) if row else 0,
            cast("int", row["unpriced"]) if row else 0,
        )
        for service, since in sorted({*invoice.amounts, *computed})
    ]


def _computed(ledger: Ledger, invoice: Invoice, currency: str) -> Mapping[tuple[str, date], Mapping[str, object]]:
    days = [since for _, since in invoice.amounts]
    rows = ledger.query(
        _COMPUTED,
        {
            "monthly": int(invoice.monthly),
            "currency": currency,
            "services": sorted({service for service, _ in invoice.amounts}),
            "first": min(days).isoformat(),
            "end": _after(max(days), monthly=invoice.monthly).isoformat(),
        },
    )
    return {(str(row["name"]), cast("date", row["since"])): row for row in rows}


def _after(day: date, *, monthly: bool) -> date:
    """The first day that the bill says nothing of."""
    if not monthly:
        return day + timedelta(days=1)
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)

"""What a re-pricing would change, added up before anything is written."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger.pricing import Charge
    from spanledger_clickhouse.repricing.priced_record import PricedRecord

__all__ = ["DIMENSIONS", "Change", "Preview"]

DIMENSIONS: Final = ("service", "user", "day")
"""By what a preview is broken down."""

_EXACT: Final = Context(prec=160)


@dataclass(slots=True)
class Change:
    """Amounts of the records of one service, user or day, in one currency.

    Attributes:
        before: What they cost by the ledger, those that stay as they are included; unpriced ones add 0.
        after: What they would cost.
        changed: How many would change.
        unchanged: How many would not: the price is the same, or the provider stated the amount.
        unpriceable: How many cannot be priced again and stay as they are.
    """

    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)
    changed: int = 0
    unchanged: int = 0
    unpriceable: int = 0

    @property
    def difference(self) -> Decimal:
        """What is added to the total; negative if it falls."""
        with localcontext(_EXACT):
            return self.after - self.before


@dataclass(slots=True)
class Preview:
    """The whole of it.

    Attributes:
        totals: By currency.
        by: For each of :data:`DIMENSIONS`, by currency and value.
        unpriceable: How many records each reason keeps from being priced again.
    """

    totals: dict[str, Change] = field(default_factory=lambda: defaultdict(Change))
    by: Mapping[str, dict[tuple[str, str], Change]] = field(
        default_factory=lambda: {name: defaultdict(Change) for name in DIMENSIONS}
    )
    unpriceable: Counter[str] = field(default_factory=Counter[str])

    @property
    def changed(self) -> int:
        """How many records would change."""
        return sum(change.changed for change in self.totals.values())

    @property
    def unchanged(self) -> int:
        """How many would not."""
        return sum(change.unchanged for change in self.totals.values())

    @property
    def differences(self) -> dict[str, Decimal]:
        """What is added to the total of each currency, where anything changes."""
        return {currency: change.difference for currency, change in self.totals.items() if change.changed}

    def add(self, record: PricedRecord, charge: Charge | None, unpriceable: str | None = None) -> None:
        """Count one record.

        Args:
            record: The record as it is.
            charge: What replaces its charge; None leaves it.
            unpriceable: Why it cannot be priced again; None if it can.
        """
        after = record.total_cost if charge is None or charge.total_cost is None else charge.total_cost
        currency = record.currency if charge is None else charge.currency
        values = {"service": record.service, "user": record.user_id, "day": record.started_at.date().isoformat()}
        if unpriceable is not None:
            self.unpriceable[unpriceable] += 1
        with localcontext(_EXACT):
            for change in (self.totals[currency], *(self.by[name][currency, values[name]] for name in DIMENSIONS)):
                change.before += record.total_cost
                change.after += after
                change.changed += charge is not None
                change.unpriceable += unpriceable is not None
                change.unchanged += charge is None and unpriceable is None

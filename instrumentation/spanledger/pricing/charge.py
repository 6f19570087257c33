"""What it costs and how the amount came about: the calculator's answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


class CostSource(StrEnum):
    """How an amount came about, as in ``cost.source``."""

    PROVIDER = "provider"
    """The vendor stated it."""
    PRICE_BOOK = "price_book"
    """A dated price row says so."""
    FALLBACK = "fallback"
    """The model is unknown; the fallback model's price was applied."""
    UNPRICED = "unpriced"
    """Nothing prices it; the amount is missing, not zero."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One priced (or explicitly unpriced) operation.

    Attributes:
        quantity: How much was used, in ``unit``.
        unit: ``tokens``, ``minutes``, ``seconds``, ``MB``, ``GB`` …
        unit_cost: Price of one ``unit`` in ``currency``, at 18 places; None if unpriced.
        total_cost: Price of the whole quantity in ``currency``, half-even at 12 places; None if unpriced, never 0
            instead.
        source: How the amount came about.
        price_id: The dated price row that was applied; None if none was.
        reason: Why the amount is a fallback or missing; None otherwise.
        currency: ISO 4217 code of both amounts.
    """

    quantity: Decimal
    unit: str
    unit_cost: Decimal | None
    total_cost: Decimal | None
    source: CostSource
    price_id: str | None = None
    reason: str | None = None
    currency: str = "USD"

"""What the clients send: spans that state what they cost in every form, and their sum to the last digit."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle, islice

__all__ = ["SPANS", "Lots"]

Attributes = dict[str, str | int | float]

SPANS = 600
"""Spans of each lot: more than an SDK puts into one batch."""

_COSTS: tuple[tuple[Attributes, Decimal], ...] = (
    ({"cost.total_cost": "0.1"}, Decimal("0.1")),
    ({"cost.total_cost": 0.2}, Decimal("0.2")),
    ({"cost.total_cost": 3}, Decimal(3)),
    ({"cost.total_cost": "0.000000000001"}, Decimal("0.000000000001")),
    ({"cost.total_cost": "12345.678901234567"}, Decimal("12345.678901234567")),
    ({"cost.total_cost": 1.5e-07}, Decimal("0.00000015")),
    ({"cost.quantity": 1500, "cost.unit_cost": "0.00003", "cost.unit": "tokens"}, Decimal("0.045")),
)
"""Attributes that state a cost, with the amount that they state."""


@dataclass(frozen=True)
class Lots:
    """Two lots of spans, of a user each; every span of the second is delivered twice.

    Attributes:
        once: The user of the lot that is delivered once.
        twice: The user of the lot that is delivered twice.
    """

    once: str = field(default_factory=lambda: f"once-{uuid.uuid4().hex}")
    twice: str = field(default_factory=lambda: f"twice-{uuid.uuid4().hex}")

    def document(self) -> dict[str, list[Attributes]]:
        """Attributes of every span, by lot."""
        return {lot: _paid(user) for lot, user in (("once", self.once), ("twice", self.twice))}

    @property
    def total(self) -> Decimal:
        """What each lot costs."""
        return sum((amount for _, amount in islice(cycle(_COSTS), SPANS)), Decimal(0))


def _paid(user: str) -> list[Attributes]:
    named: Attributes = {"cost.service": "openai", "cost.operation": "chat", "user.id": user}
    return [named | stated for stated, _ in islice(cycle(_COSTS), SPANS)]

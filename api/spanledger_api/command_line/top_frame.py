"""What ``spanledger top`` shows at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Frame"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One look at the ledger, as the API answered.

    Attributes:
        services: The day's services, the most expensive first.
        users: The day's most expensive users.
        executions: The day's newest executions.
        alerts: The newest open alerts; empty also where a key may not see them.
        health: How fresh the data is.
        forecast: The month's forecast.
    """

    services: Sequence[Mapping[str, object]]
    users: Sequence[Mapping[str, object]]
    executions: Sequence[Mapping[str, object]]
    alerts: Sequence[Mapping[str, object]]
    health: Mapping[str, object]
    forecast: Mapping[str, object]

    @property
    def spent(self) -> Decimal:
        """What the day has cost in USD, every digit kept."""
        return sum((Decimal(str(row["total_cost"])) for row in self.services), Decimal(0))

"""Rules: what is watched beside budgets, as a file or a request states it."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, WithJsonSchema, model_validator

from spanledger_api.alerts.kinds import Origin, RuleKind, Severity

__all__ = ["LARGEST", "AnomalySubject", "Bounded", "Filters", "Name", "Rule", "RuleDefinition", "chosen_channels"]

LARGEST: Final = 10**12
"""No threshold and no budget is above this."""

Bounded = Annotated[
    Decimal,
    Field(ge=0, le=LARGEST, max_digits=24, decimal_places=12),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": LARGEST}),
]
"""A decimal of a definition: at most twelve places, at most 10^12."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
"""What people call something."""

_Filter = Annotated[str | None, Field(max_length=500)]


class AnomalySubject(StrEnum):
    """Whose days are compared."""

    SERVICE = "service"
    USER_ID = "user_id"


class Filters(BaseModel, extra="forbid", frozen=True):
    """Which records are looked at; None takes all."""

    service: _Filter = Field(default=None, description="This service only.")
    user_id: _Filter = Field(default=None, description="This user only.")
    operation: _Filter = Field(default=None, description="This operation only.")
    task_type: _Filter = Field(default=None, description="This kind of task only.")


class RuleDefinition(Filters, frozen=True):
    """A rule as it is stated."""

    name: Name = Field(description="What people call it.", examples=["Expensive operation"])
    kind: RuleKind
    enabled: bool = True
    severity: Severity = Field(default=Severity.WARNING, description="How much its alerts matter.")
    threshold: Bounded | None = Field(
        default=None,
        description="`operation`: the amount above which one operation is worth an alert (default 1). `anomaly`: "
        "robust standard deviations above what is usual (3.5). `price_book`: days (365). `unpriced`: percent of the "
        "records (5).",
        examples=[2.5],
    )
    currency: str = Field(
        default="USD", pattern="^[A-Z]{3}$", description="ISO 4217 code of the amounts that are looked at."
    )
    by: AnomalySubject = Field(default=AnomalySubject.SERVICE, description="`anomaly`: whose days are compared.")
    min_amount: Bounded = Field(default=Decimal(5), description="`anomaly`: the least excess in money worth an alert.")
    min_percent: Bounded = Field(
        default=Decimal(50), description="`anomaly`: the least excess in percent of what is usual."
    )
    min_records: int = Field(
        default=100, ge=1, le=10**9, description="`unpriced`: fewer records than this say nothing."
    )
    channels: list[Name] | None = Field(
        default=None, max_length=50, description="Who is told; null takes every channel."
    )

    @model_validator(mode="after")
    def _stated_where_it_means_something(self) -> Self:
        filters = ("service", "user_id", "operation", "task_type")
        if self.kind is not RuleKind.OPERATION and any(getattr(self, name) is not None for name in filters):
            message = f"{', '.join(filters)} narrow rules of kind operation only"
            raise ValueError(message)
        return self

    @property
    def limit(self) -> Decimal:
        """The threshold, or the default of the kind."""
        return _THRESHOLDS[self.kind] if self.threshold is None else self.threshold


class Rule(RuleDefinition, frozen=True):
    """A rule, and where it is written down."""

    rule_id: str
    origin: Origin


_THRESHOLDS: Final = {
    RuleKind.OPERATION: Decimal(1),
    RuleKind.ANOMALY: Decimal("3.5"),
    RuleKind.PRICE_BOOK: Decimal(365),
    RuleKind.UNPRICED: Decimal(5),
}


def chosen_channels(stated: Sequence[str] | None, configured: Sequence[str]) -> tuple[str, ...]:
    """The channels that are told, of those that there are; None states all of them."""
    return tuple(name for name in configured if stated is None or name in stated)

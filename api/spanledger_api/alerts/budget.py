"""Budgets: how much may be spent on what in a period, as a file or a request states it."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema, model_validator

from spanledger_api.alerts.kinds import Origin
from spanledger_api.alerts.periods import BudgetPeriod
from spanledger_api.alerts.rule import LARGEST, Name
from spanledger_api.filters import Dimension, Where
from spanledger_api.parameters import known_zone
from spanledger_api.window import Window

__all__ = ["Budget", "BudgetDefinition", "Scope"]

_Amount = Annotated[
    Decimal,
    Field(gt=0, le=LARGEST, max_digits=24, decimal_places=12),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST}),
]
_Percent = Annotated[
    Decimal,
    Field(gt=0, le=10_000, max_digits=9, decimal_places=4),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 10_000}),
]


class Scope(StrEnum):
    """Whose spending a budget limits."""

    TOTAL = "total"
    USER = "user"
    SERVICE = "service"
    TASK_TYPE = "task_type"
    OPERATION = "operation"
    """A prompt is an operation of its own."""

    @property
    def dimension(self) -> Dimension | None:
        """What records are chosen by; None for all of them."""
        return None if self is Scope.TOTAL else Dimension("user_id" if self is Scope.USER else self.value)


class BudgetDefinition(BaseModel, extra="forbid", frozen=True):
    """A budget as it is stated."""

    name: Name = Field(description="What people call it.", examples=["OpenAI each month"])
    scope: Scope = Field(default=Scope.TOTAL, description="Whose spending it limits.", examples=["service"])
    scope_value: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="Which user, service, task type or operation; null for total.",
        examples=["openai"],
    )
    amount: _Amount = Field(description="What may be spent in a period.")
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$", description="ISO 4217 code; only its records count.")
    period: BudgetPeriod = BudgetPeriod.MONTHLY
    timezone: Annotated[str, AfterValidator(known_zone)] = Field(
        default="UTC", description="IANA time zone of the calendar."
    )
    thresholds: list[_Percent] = Field(
        default=[Decimal(50), Decimal(80), Decimal(100)],
        max_length=20,
        description="Percent of the amount spent, once each.",
    )
    forecast_thresholds: list[_Percent] = Field(
        default=[Decimal(100)],
        max_length=20,
        description="Percent of the amount expected at the period's end, once each.",
    )
    channels: list[Name] | None = Field(
        default=None, max_length=50, description="Who is told; null takes every channel."
    )

    @model_validator(mode="after")
    def _value_of_the_scope(self) -> Self:
        if (self.scope is Scope.TOTAL) != (self.scope_value is None):
            message = "scope_value states which user, service, task type or operation, and nothing for scope total"
            raise ValueError(message)
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose calendar it follows."""
        return ZoneInfo(self.timezone)

    def within(self, window: Window) -> Where:
        """The conditions on its cost records of a window."""
        chosen = Where.within(window).equal(Dimension.CURRENCY, self.currency)
        dimension = self.scope.dimension
        return chosen if dimension is None else chosen.equal(dimension, self.scope_value)

    @property
    def narrowed(self) -> dict[str, str]:
        """The field of an alert that says whose budget it is, and its value; empty for a total."""
        dimension = self.scope.dimension
        return {} if dimension is None else {dimension.value: self.scope_value or ""}


class Budget(BudgetDefinition, frozen=True):
    """A budget, and where it is written down."""

    budget_id: str
    origin: Origin

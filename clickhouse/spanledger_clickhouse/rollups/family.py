"""What is summed up: by which columns of the records, and which sums."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["ACTIVITY", "EXECUTIONS", "FAMILIES", "MEASURES", "STEPS", "USERS", "Family", "Measure", "Source"]


class Source(StrEnum):
    """The records that something is summed up from."""

    COST = "cost"
    PERFORMANCE = "performance"

    @property
    def table(self) -> str:
        """The table that the records are written to."""
        return f"{self.value}_records_local"

    @property
    def view(self) -> str:
        """The view that shows each record once."""
        return f"{self.value}_records"


class Measure(StrEnum):
    """A column of a rollup that is a sum, or an extreme, over records."""

    COST = "cost"
    """Sum of the amounts, 256 bits wide."""
    FALLBACK_COST = "fallback_cost"
    """The part of it that the fallback model's price made."""
    QUANTITY = "quantity"
    NANOSECONDS = "nanoseconds"
    """Sum of the durations, 128 bits wide."""
    RECORDS = "records"
    UNPRICED = "unpriced"
    """How many of the records nothing could price."""
    SHORTEST = "shortest"
    LONGEST = "longest"

    @property
    def of_record(self) -> str:
        """Its SQL over one record."""
        return MEASURES[self][0]

    @property
    def merged(self) -> str:
        """The SQL that brings several values of it together."""
        return self.merged_from(self.value)

    def merged_from(self, sql: str) -> str:
        """The same of a column, or of an expression, that is called otherwise."""
        return f"{MEASURES[self][1]}({sql})"


MEASURES: Final = {
    Measure.COST: ("toDecimal256(total_cost, 12)", "sum"),
    Measure.FALLBACK_COST: ("if(source = 'fallback', toDecimal256(total_cost, 12), toDecimal256(0, 12))", "sum"),
    Measure.QUANTITY: ("toDecimal256(quantity, 12)", "sum"),
    Measure.NANOSECONDS: ("toUInt128(duration_ns)", "sum"),
    Measure.RECORDS: ("toUInt64(1)", "sum"),
    Measure.UNPRICED: ("toUInt64(source = 'unpriced')", "sum"),
    Measure.SHORTEST: ("duration_ns", "min"),
    Measure.LONGEST: ("duration_ns", "max"),
}
"""By measure: its SQL over one record, and the aggregate that brings several together. All are independent of order."""

_MONEY: Final = (Measure.COST, Measure.FALLBACK_COST, Measure.NANOSECONDS, Measure.RECORDS, Measure.UNPRICED)

_DURATION_CLASS: Final = "toInt16(floor(log(greatest(duration_ns, 1)) / log(1.02)))"
"""Durations of one class differ by at most 2 %, so that the middle of its extremes is within 1 % of each."""


@dataclass(frozen=True, slots=True)
class Family:
    """One rollup: a table of sums for the questions that go by the same columns.

    Attributes:
        table: Where its sums are.
        source: What they are sums of.
        keys: The columns of the records that it keeps apart.
        measures: What it sums up.
        computed: Keys that are no column of the records: their SQL over one record, by name.
        is_lookup: Whether it only says which values there are in an hour, and wider buckets say nothing more.
    """

    table: str
    source: Source
    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    computed: tuple[tuple[str, str], ...] = ()
    is_lookup: bool = False

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns that it groups by, in order."""
        return (*self.keys, *(name for name, _ in self.computed))

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns without the generation and the bucket's start, in order."""
        return (*self.groups, *self.measures)


USERS: Final = Family("rollup_users_local", Source.COST, ("currency", "user_id"), _MONEY)
ACTIVITY: Final = Family(
    "rollup_activity_local",
    Source.COST,
    (
        *("currency", "service", "operation", "model", "task_type", "step_name"),
        *("prompt_category", "prompt_name", "source", "status", "unit"),
    ),
    (*_MONEY, Measure.QUANTITY),
)
STEPS: Final = Family(
    "rollup_steps_local",
    Source.PERFORMANCE,
    ("task_type", "step_name", "status"),
    (Measure.NANOSECONDS, Measure.SHORTEST, Measure.LONGEST, Measure.RECORDS),
    computed=(("duration_class", _DURATION_CLASS),),
)

EXECUTIONS: Final = {
    source: Family(f"rollup_{source}_executions_local", source, ("execution_id",), (), is_lookup=True)
    for source in Source
}
"""By source: in which hours an execution has records."""

FAMILIES: Final = (USERS, ACTIVITY, STEPS, *EXECUTIONS.values())
"""Every rollup."""

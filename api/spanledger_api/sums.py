"""What reports add up: rows of sums, taken from rollups where they hold every record and from the records elsewhere.

This is the one place that decides which. Both give the same columns, so a report adds them up and need not know; its
result is the same to the last digit. Only percentiles of durations taken from rollups are estimates, within 1 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger_api.remembered import Remembered
from spanledger_api.rows import Row, ask
from spanledger_clickhouse.rollups import (
    ACTIVITY,
    STEPS,
    USERS,
    Measure,
    Source,
    any_stretch,
    ask_recent,
    plan_reading,
    recent_records_within,
    records_within,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_api.filters import Where
    from spanledger_api.paging import Page
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups import Family, ReadingPlan, Records, Stretch

__all__ = ["DURATIONS", "Measure", "Source", "Sums", "ask_sums"]

DURATIONS: Final = (Measure.NANOSECONDS, Measure.SHORTEST, Measure.LONGEST, Measure.RECORDS)
"""The measures behind means, maxima and percentiles of durations."""

_DURATION: Final = "intDiv(sums.shortest + sums.longest, 2)"
"""SQL of the duration, in nanoseconds, that stands for a row's: of a record its own, of a rollup's class the middle."""

_remembered: Final = Remembered[list[Row]]()

# Users last: where nothing is asked of them, there are fewer activities than users.
_FAMILIES: Final = (ACTIVITY, USERS, STEPS)


@dataclass(frozen=True, slots=True)
class Sums:
    """Which sums a report needs.

    Attributes:
        keys: Columns of the records that it groups by, or otherwise names.
        measures: What it adds up.
        source: The records.
        is_whole: Whether it may take a stretch of time as one; by default it tells no times apart. Where it does, the
            rows have a ``started_at`` too: the record's, or the first instant of the stretch.
        are_remembered: Whether the rows are kept until something is committed, for what is asked beside many reports.
    """

    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    source: Source = Source.COST
    is_whole: Callable[[Stretch], bool] = any_stretch
    are_remembered: bool = False

    def columns(self, family: Family | None) -> str:
        """Its columns as the SELECT of a family's rows, or of records."""
        times = () if self.is_whole is any_stretch else ("started_at",)
        of_record = (f"{measure.of_record} AS {measure.value}" for measure in self.measures)
        measures = of_record if family is None else (measure.value for measure in self.measures)
        return ", ".join((*times, *self.keys, *measures))


def ask_sums(
    ledger: Ledger, sql: Template, where: Where, sums: Sums, page: Page | None = None, **parameters: object
) -> list[Row]:
    """Rows of a query whose ``$sums`` is filled with the rows to add up, and ``$duration`` with what each took.

    Args:
        ledger: Where to ask.
        sql: The query; ``$sums AS sums`` stands where a table would, and no record is in it twice.
        where: Conditions on the records and the values they bind.
        sums: The columns of those rows.
        page: As of :func:`spanledger_api.rows.ask`.
        parameters: Further values that the query binds.

    Raises:
        LedgerUnavailableError: The ledger cannot be reached or did not answer in time.
    """

    def asked(rows: str, bound: dict[str, object]) -> list[Row]:
        read = replace(where, parameters={**where.parameters, **bound})
        words = sql.safe_substitute(sums=f"({rows})", duration=_DURATION)
        return ask(ledger, Template(words), read, page, **parameters)

    # Rollups add up everybody's rows.
    family = None if ledger.hides_rows else _family(where, sums)
    plan = None if family is None else _plan(ledger, where, sums)
    if family is None or plan is None or plan.stretches is None:
        return asked(_records(where, sums), {})

    def work_out() -> list[Row]:
        return ask_recent(
            ledger, sums.source, plan, lambda records: asked(*_planned(family, plan, where, sums, records))
        )

    if not sums.are_remembered or not plan.changed_until:
        return work_out()
    bound = {**where.parameters, **parameters, "page": page}
    return _remembered.ask(ledger, (sql.template, where.sql, repr(sorted(bound.items())), sums, plan), work_out)


def _planned(
    family: Family, plan: ReadingPlan, where: Where, sums: Sums, records: Records
) -> tuple[str, dict[str, object]]:
    """The rows of a plan, and what they bind."""
    parts, bound = [_rolled_up(family, where, sums)], dict[str, object](generations=list(plan.generations))
    if plan.stretches:
        within, edges = records_within(plan.stretches)
        parts.append(f"{_records(where, sums)} AND {within}")
        bound |= edges
    if plan.recent:
        within, edges = recent_records_within(plan.recent)
        recent = records(sums.source, within)
        parts.append(f"SELECT {sums.columns(None)} FROM {recent} AND {where.sql}")  # noqa: S608 - as _records
        bound |= edges
    return " UNION ALL ".join(parts), bound


def _family(where: Where, sums: Sums) -> Family | None:
    """The rollup that keeps apart what is asked for; None where only the records do."""
    if not where.is_plain:
        return None
    needed = {*sums.keys, *(column for dimension, _ in where.equals for column in dimension.columns)}
    return next(
        (
            family
            for family in _FAMILIES
            if family.source is sums.source and needed <= {*family.keys} and {*sums.measures} <= {*family.measures}
        ),
        None,
    )


def _plan(ledger: Ledger, where: Where, sums: Sums) -> ReadingPlan | None:
    if where.window is None:
        return None
    return plan_reading(ledger, sums.source, (where.window.start, where.window.end), sums.is_whole)


def _records(where: Where, sums: Sums) -> str:
    """The SELECT of what is read from the records."""
    return f"SELECT {sums.columns(None)} FROM {sums.source.view} WHERE {where.sql}"  # noqa: S608 - every name is of an enumeration


def _rolled_up(family: Family, where: Where, sums: Sums) -> str:
    conditions = [
        "generation IN {generations:Array(UInt64)}",
        *(f"{dimension.sql} = {{{dimension.value}:String}}" for dimension, _ in where.equals),
    ]
    return f"SELECT {sums.columns(family)} FROM {family.table} WHERE {' AND '.join(conditions)}"  # noqa: S608 - every name is of an enumeration

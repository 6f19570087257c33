"""What a piece of advice is: its words, the numbers and records behind it, and what following it may save."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from string import Template
from typing import cast

from pydantic import BaseModel, Field

from spanledger.pricing import Calculator
from spanledger.values import decimal_text
from spanledger_api.amounts import PLACES, Amount
from spanledger_api.filters import Dimension, Where
from spanledger_api.messages import Locale, message
from spanledger_api.rows import ask
from spanledger_api.times import format_rfc3339
from spanledger_clickhouse.ledger import Ledger

__all__ = [
    "Adviser",
    "Brief",
    "Evidence",
    "Kind",
    "Priority",
    "Recommendation",
    "dearest_first",
    "dearest_of",
    "evidence",
    "recommend",
]

_DEAREST = Template("""
SELECT
    groupArraySorted(5)(
        (-total_cost, toUnixTimestamp64Nano(started_at), trace_id, span_id, execution_id)
    ) AS dearest
FROM cost_records
WHERE $where
""")


class Kind(StrEnum):
    """What a recommendation is about; also the key of its message."""

    PROMPT_OPTIMIZATION = "prompt_optimization"
    USER_COST_ALERT = "user_cost_alert"
    SERVICE_DOMINANCE = "service_dominance"
    CACHEABLE_PROMPT = "cacheable_prompt"
    CHEAPER_MODEL = "cheaper_model"
    OVERSIZED_COMPLETIONS = "oversized_completions"
    DUPLICATE_CALLS = "duplicate_calls"
    RETRY_WASTE = "retry_waste"
    IDLE_STORAGE = "idle_storage"


class Priority(StrEnum):
    """How much a recommendation matters."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Evidence(BaseModel):
    """One record behind a piece of advice."""

    started_at: str = Field(description="RFC 3339.")
    execution_id: str | None = Field(description="The execution that it is of, to be opened; null where it names none.")
    trace_id: str
    span_id: str
    total_cost: Amount


class Recommendation(BaseModel):
    """One piece of advice and the numbers behind it."""

    type: Kind
    priority: Priority
    message: str = Field(
        description="The advice in words, in the language asked for.",
        examples=['Prompt "gpt-4_video_selection_segment_select" costs $0.05 on average; use fewer tokens.'],
    )
    data: dict[str, str | int | Amount | None] = Field(
        description="The numbers behind it; which ones depends on `type`."
    )
    id: str = Field(description="The same for the same advice on the same subject, today and tomorrow.")
    saving_low: Amount | None = Field(description="What following it saves at least; null where that cannot be said.")
    saving_high: Amount | None = Field(description="What following it saves at most; null where that cannot be said.")
    evidence: list[Evidence] = Field(description="Some of the records behind it, the most telling first.")
    dismissed: bool = Field(
        description="Whether somebody does not want to see it; such advice comes only if asked for."
    )


@dataclass(frozen=True, slots=True)
class Brief:
    """What an adviser goes by.

    Attributes:
        ledger: What to read.
        where: Conditions on the cost records, of one currency.
        currency: That currency.
        locale: Language of the words.
        when: The time covered, in words of that language.
        now: The current time, aware; prices are those of its day.
        calculator: Prices what would have been used.
    """

    ledger: Ledger
    where: Where
    currency: str
    locale: Locale
    when: str
    now: datetime
    calculator: Calculator

    def money(self, value: Decimal) -> str:
        """An amount in words: dollars with their sign, others with their code."""
        return f"${decimal_text(value)}" if self.currency == "USD" else f"{decimal_text(value)} {self.currency}"


Adviser = Callable[[Brief], list[Recommendation]]
"""Looks for one kind of advice; none is an empty list."""


@dataclass(frozen=True, slots=True)
class Saving:
    """A range of what can be saved, in the currency of the records."""

    low: Decimal
    high: Decimal


def recommend(  # noqa: PLR0913 - each is a part of the advice
    brief: Brief,
    kind: Kind,
    priority: Priority,
    data: BaseModel,
    words: dict[str, str],
    *,
    subject: tuple[str, ...],
    saving: Saving | None = None,
    records: list[Evidence] | None = None,
) -> Recommendation:
    """A piece of advice in the language of the brief.

    Args:
        brief: What the adviser went by.
        kind: What it is about.
        priority: How much it matters.
        data: The numbers behind it.
        words: Values of the message.
        subject: What it concerns; with the kind it makes the id.
        saving: What it may save; None where that cannot be said.
        records: Some of the records behind it.
    """
    return Recommendation(
        type=kind,
        priority=priority,
        message=message(kind, brief.locale, **words),
        data=dict(data),
        id=sha256("\0".join((kind.value, *subject)).encode()).hexdigest()[:16],
        saving_low=None if saving is None else saving.low.quantize(PLACES),
        saving_high=None if saving is None else saving.high.quantize(PLACES),
        evidence=records or [],
        dismissed=False,
    )


def evidence(cell: object) -> list[Evidence]:
    """The records in a column of tuples: start in nanoseconds, trace id, span id, amount, execution id."""
    records = cast("list[tuple[int, str, str, Decimal, str]]", cell)
    return [
        Evidence(
            started_at=format_rfc3339(started),
            execution_id=execution or None,
            trace_id=trace,
            span_id=span,
            total_cost=cost,
        )
        for started, trace, span, cost, execution in records
    ]


def dearest_first(cell: object) -> list[Evidence]:
    """The records in a column of tuples that sort the dearest first: amount with its sign turned, start, ids."""
    records = cast("list[tuple[Decimal, int, str, str, str]]", cell)
    return evidence([(started, trace, span, -cost, execution) for cost, started, trace, span, execution in records])


def dearest_of(brief: Brief, dimension: Dimension, value: str) -> list[Evidence]:
    """The dearest records that have a value; errors as of :func:`spanledger_api.rows.ask`."""
    (row,) = ask(brief.ledger, _DEAREST, brief.where.equal(dimension, value))
    return dearest_first(row["dearest"])

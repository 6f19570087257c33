"""Which records a report reads: an allow-list of columns, every value bound on the server."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_api.window import Window
    from spanledger_clickhouse.rollups.reading import Whereabouts

ANY: Final = "*"
"""A filter's value that leaves the records as they are: dashboards send each of their filters, chosen or not."""


class Dimension(StrEnum):
    """A text that a report may be narrowed or grouped by; no other name ever reaches SQL."""

    CURRENCY = "currency"
    EXECUTION_ID = "execution_id"
    MODEL = "model"
    OPERATION = "operation"
    PROMPT = "prompt"
    """Category and name with a slash between them; the name alone where there is no category."""
    SERVICE = "service"
    SOURCE = "source"
    STATUS = "status"
    STEP = "step_name"
    TASK_TYPE = "task_type"
    USER_ID = "user_id"

    @property
    def sql(self) -> str:
        """The SQL that says it of a record: its column, or an expression of columns."""
        return _PROMPT if self is Dimension.PROMPT else self.value

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the records that it is made of."""
        return ("prompt_category", "prompt_name") if self is Dimension.PROMPT else (self.value,)


_PROMPT = "if(prompt_category = '', prompt_name, concat(prompt_category, '/', prompt_name))"


# A date of the engine has no sign: 1900 to 1969 are what follows 2079-06-06.
_BEFORE_1970 = "toDate(started_at) >= toDate('2079-06-07')"
_SINCE = "fromUnixTimestamp64Nano({since:Int64}, 'UTC')"


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions joined by AND, and the values they bind.

    Attributes:
        conditions: SQL conditions whose values are ``{name:Type}`` placeholders only.
        parameters: Value of each placeholder.
        window: The window that the first conditions say; None where there is none.
        equals: The dimensions and values that the other conditions say, as far as they say no more.
        known_at: Instant, in nanoseconds since 1970 UTC, as of whose knowledge the records are read; None reads them as
            they are known now.
    """

    conditions: tuple[str, ...]
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])
    window: Window | None = None
    equals: tuple[tuple[Dimension, str], ...] = ()
    known_at: int | None = None

    @classmethod
    def within(cls, window: Window) -> Where:
        """Records whose span started inside the window."""
        started = "started_at >= fromUnixTimestamp64Nano({window_start:Int64}, 'UTC')"
        if window.end is None:
            return cls((started,), {"window_start": window.start}, window)
        ended = "started_at < fromUnixTimestamp64Nano({window_end:Int64}, 'UTC')"
        return cls((started, ended), {"window_start": window.start, "window_end": window.end}, window)

    def equal(self, dimension: Dimension, value: str | None) -> Where:
        """Narrowed to records with this value.

        None and :data:`ANY` leave it as it is, an empty text selects records without a value. No record has two values:
        a second one that differs selects nothing.
        """
        if value is None or value == ANY or (dimension, value) in self.equals:
            return self
        if any(dimension is each for each, _ in self.equals):
            return replace(self, conditions=(*self.conditions, "0"))
        condition = f"{dimension.sql} = {{{dimension.value}:String}}"
        return replace(
            self,
            conditions=(*self.conditions, condition),
            parameters={**self.parameters, dimension.value: value},
            equals=(*self.equals, (dimension, value)),
        )

    def at(self, whereabouts: Whereabouts | None) -> Where:
        """Narrowed to when an execution has records, and to what is before 1970; None leaves it as it is."""
        if whereabouts is None:
            return self
        times = ["toDate(started_at) IN {days:Array(Date)}", _BEFORE_1970]
        parameters = {**self.parameters, "days": list(whereabouts.days)}
        if whereabouts.since is not None:
            times.append(f"toDate(started_at) = toDate({_SINCE}) AND started_at >= {_SINCE}")
            parameters["since"] = whereabouts.since
        return replace(self, conditions=(*self.conditions, f"({' OR '.join(times)})"), parameters=parameters)

    @property
    def is_plain(self) -> bool:
        """Whether the window and the equal dimensions are all it says."""
        if self.window is None or self.known_at is not None:
            return False
        said = Where.within(self.window)
        for dimension, value in self.equals:
            said = said.equal(dimension, value)
        return said.conditions == self.conditions

    @property
    def sql(self) -> str:
        """The text that follows ``WHERE``."""
        return " AND ".join(self.conditions)

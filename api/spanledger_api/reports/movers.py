"""What became dearer or cheaper: GET /api/analytics/cost/movers."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger.exceptions import InvalidRequestError
from spanledger_api.amounts import Amount, exact_arithmetic, share
from spanledger_api.filters import Where
from spanledger_api.grouping import Grouping
from spanledger_api.paging import Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, text
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_api.times import nanoseconds_of
from spanledger_api.window import Window
from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.rollups import Stretch

__all__ = ["Mover", "MoversParameters", "read_movers", "router"]

router = APIRouter(tags=["cost"])

_HUNDREDTH = Decimal("0.01")
_SQL = Template("""
WITH started_at >= fromUnixTimestamp64Nano({turn:Int64}, 'UTC') AS is_current
SELECT
    $name AS name,
    sumIf(sums.cost, is_current) AS current,
    sumIf(sums.cost, NOT is_current) AS previous,
    toString(multiIf(
        countIf(NOT is_current) = 0, 'new', countIf(is_current) = 0, 'gone',
        current > previous, 'up', current < previous, 'down', 'same')) AS state
FROM $sums AS sums
GROUP BY name
ORDER BY abs(current - previous) DESC, name
""")


class Change(StrEnum):
    """How a group's cost compares with the time before."""

    NEW = "new"
    GONE = "gone"
    UP = "up"
    DOWN = "down"
    SAME = "same"


class Mover(BaseModel):
    """One group's cost in the window and in the time before it."""

    name: str = Field(description="The group; empty: records that name none, or the total.", examples=["openai"])
    current_cost: Amount = Field(description="Cost in the window.")
    previous_cost: Amount = Field(description="Cost in the equally long time before the window.")
    change: Amount = Field(description="Current less previous cost.")
    change_percent: Amount | None = Field(description="Change in percent of the previous cost; null where that was 0.")
    state: Change = Field(description="`new` and `gone`: records in only one of the two times.", examples=["up"])


class MoversParameters(DetailFilters, Paged, frozen=True):
    """Parameters of the report on changes."""

    group_by: Grouping | None = Field(
        None, alias="groupBy", description="The dimension to compare by; absent: one row with the total."
    )

    def window(self, now: datetime) -> Window:
        """The window with its end, and before it the time that it is compared with.

        Raises:
            InvalidRequestError: The window is empty, or the time before it begins before 1970.
        """
        current = self.current(now)
        end = nanoseconds_of(now) if current.end is None else current.end
        if end <= current.start:
            message = "lies in the future; there is nothing to compare yet"
            raise InvalidRequestError(message, parameter="from")
        start = current.start - (end - current.start)
        if start < 0:
            message = "leaves no equally long time before it that begins after 1970"
            raise InvalidRequestError(message, parameter="from")
        return Window(start, end)

    def current(self, now: datetime) -> Window:
        """The window itself; raises as the base does."""
        return super().window(now)


def read_movers(ledger: Ledger, where: Where, turn: int, parameters: MoversParameters) -> list[Mover]:
    """Groups by the size of their change, the largest first, ties by name; errors as of ``rows.ask``.

    Args:
        ledger: What to read.
        where: Conditions on the records of both times.
        turn: Where the first time ends and the second begins, in nanoseconds since 1970 UTC.
        parameters: What to group by, and the page.
    """
    group = None if parameters.group_by is None else parameters.group_by.dimension

    def is_on_one_side(stretch: Stretch) -> bool:
        return stretch[1] <= turn or stretch[0] >= turn

    sums = Sums(() if group is None else group.columns, (Measure.COST, Measure.RECORDS), is_whole=is_on_one_side)
    sql = Template(_SQL.safe_substitute(name="''" if group is None else group.sql))
    with exact_arithmetic():
        return [
            Mover(
                name=text(row, "name"),
                current_cost=(current := amount(row, "current")),
                previous_cost=(previous := amount(row, "previous")),
                change=current - previous,
                change_percent=_percent(current - previous, previous),
                state=Change(text(row, "state")),
            )
            for row in ask_sums(ledger, sql, where, sums, parameters.page, turn=turn)
        ]


def _percent(change: Decimal, previous: Decimal) -> Decimal | None:
    return (100 * share(change, previous)).quantize(_HUNDREDTH, ROUND_HALF_EVEN) if previous else None


@router.get(
    "/api/analytics/cost/movers",
    summary="Changes against the time before",
    response_model=list[Mover],
    responses=AMOUNT_RESPONSES,
)
def movers(question: Asked, parameters: Annotated[MoversParameters, Query()]) -> Response:
    """Cost of the window against the equally long time before it, the largest change first.

    A window without an end is taken until now: on the 15th of a month `monthly` compares the 14 days so far with the 14
    days before the month began.
    """
    turn = parameters.current(question.now).start
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(Mover), parameters, where, lambda: read_movers(question.ledger, where, turn, parameters)
    )

"""What each user costs: GET /api/analytics/cost/users."""

from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount
from spanledger_api.filters import Where
from spanledger_api.parameters import DetailFilters
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, integer, text
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_clickhouse.ledger import Ledger

__all__ = ["UserCost", "UsersParameters", "read_users", "router"]

router = APIRouter(tags=["cost"])

_SQL = Template("""
SELECT user_id, sum(sums.cost) AS cost, sum(sums.records) AS records
FROM $sums AS sums
GROUP BY user_id
ORDER BY cost DESC, user_id
LIMIT {top_n:UInt32}
""")
_SUMS = Sums(("user_id",), (Measure.COST, Measure.RECORDS))


class UserCost(BaseModel):
    """What one user cost."""

    user_id: str | None = Field(description="The user; null gathers the records that name none.", examples=["user-123"])
    total_cost: Amount = Field(description="Exact sum of the user's records.", examples=[15.67])
    operations_count: int = Field(description="Number of the user's records.", examples=[234])


class UsersParameters(DetailFilters, frozen=True):
    """Parameters of the report on users."""

    top_n: int = Field(
        10, alias="topN", ge=1, le=10_000, description="How many users at most, the most expensive first."
    )


def read_users(ledger: Ledger, where: Where, top_n: int) -> list[UserCost]:
    """Users by descending cost, ties by name; raises as :func:`spanledger_api.rows.ask`."""
    return [
        UserCost(
            user_id=text(row, "user_id") or None,
            total_cost=amount(row, "cost"),
            operations_count=integer(row, "records"),
        )
        for row in ask_sums(ledger, _SQL, where, _SUMS, top_n=top_n)
    ]


@router.get(
    "/api/analytics/cost/users",
    summary="Cost of each user",
    response_model=list[UserCost],
    responses=AMOUNT_RESPONSES,
)
def users(question: Asked, parameters: Annotated[UsersParameters, Query()]) -> Response:
    """The users who cost most in the period, by descending cost.

    Records that name no user form one row whose `user_id` is null, so that the rows add up to the whole.
    """
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(UserCost), parameters, where, lambda: read_users(question.ledger, where, parameters.top_n)
    )

"""What one unit of business costs: GET /api/analytics/cost/unit-economics."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import PLACES, Amount, exact_arithmetic, share
from spanledger_api.filters import Where
from spanledger_api.paging import Paged
from spanledger_api.parameters import DetailFilters
from spanledger_api.quantities import Medium, Used, read_quantities
from spanledger_api.question import Asked, columns_of
from spanledger_api.reply import AMOUNT_RESPONSES
from spanledger_api.rows import amount, ask, integer, text
from spanledger_api.sums import Measure, Sums, ask_sums
from spanledger_clickhouse.ledger import Ledger

__all__ = ["BusinessUnit", "UnitCost", "read_unit_costs", "router"]

router = APIRouter(tags=["cost"])

_EXECUTIONS = Template("""
SELECT task_type, sum(toDecimal256(total_cost, 12)) AS cost, uniqExact(execution_id) AS units
FROM cost_records
WHERE execution_id != '' AND $where
GROUP BY task_type
ORDER BY task_type
""")
_USERS = Template("""
SELECT sum(sums.cost) AS cost, uniqExact(user_id) AS units
FROM $sums AS sums
WHERE user_id != ''
""")
_SUMS = Sums(("user_id",), (Measure.COST,))


class BusinessUnit(StrEnum):
    """What a cost is divided by."""

    EXECUTION = "execution"
    USER = "user"
    VIDEO_MINUTE = "video_minute"
    AUDIO_MINUTE = "audio_minute"
    THOUSAND_TOKENS = "1k_tokens"
    GB = "GB"


class UnitCost(BaseModel):
    """What one unit costs."""

    unit: BusinessUnit = Field(description="What the cost is divided by.")
    label: str = Field(
        description="Which ones: the task type of executions, the service of minutes and GB, the model of tokens; "
        "empty where there is none.",
        examples=["video_generation"],
    )
    unit_cost: Amount = Field(description="Cost by number of units, half-even at 12 places.")
    units: Amount = Field(description="Number of units, half-even at 12 places.")
    total_cost: Amount = Field(description="Exact sum of the records behind it.")


class UnitEconomicsParameters(DetailFilters, Paged, frozen=True):
    """Parameters of the report on unit costs."""


_PER_MEDIUM = {Medium.AUDIO: BusinessUnit.AUDIO_MINUTE, Medium.VIDEO: BusinessUnit.VIDEO_MINUTE}
_MINUTE, _THOUSAND, _GB = Decimal(60), Decimal(1000), Decimal(1024**3)


def read_unit_costs(ledger: Ledger, where: Where) -> list[UnitCost]:
    """Executions, users, minutes, tokens, GB, each by label; errors as of ``rows.ask``."""
    executions = [
        _unit_cost(BusinessUnit.EXECUTION, text(row, "task_type"), amount(row, "cost"), Decimal(integer(row, "units")))
        for row in ask(ledger, _EXECUTIONS, where)
    ]
    users = [
        _unit_cost(BusinessUnit.USER, "", amount(row, "cost"), Decimal(integer(row, "units")))
        for row in ask_sums(ledger, _USERS, where, _SUMS)
        if integer(row, "units")
    ]
    with exact_arithmetic():
        return [*executions, *users, *_per_quantity(read_quantities(ledger, where))]


def _per_quantity(everything: Iterable[Used]) -> list[UnitCost]:
    costs: defaultdict[tuple[BusinessUnit, str], Decimal] = defaultdict(Decimal)
    units: defaultdict[tuple[BusinessUnit, str], Decimal] = defaultdict(Decimal)
    for used in everything:
        found = _business_unit(used)
        if found is not None:
            unit, label, size = found
            costs[unit, label] += used.cost
            units[unit, label] += used.quantity / size
    order = list(BusinessUnit)
    return [
        _unit_cost(unit, label, costs[unit, label], units[unit, label])
        for unit, label in sorted(costs, key=lambda key: (order.index(key[0]), key[1]))
        if units[unit, label]
    ]


def _business_unit(used: Used) -> tuple[BusinessUnit, str, Decimal] | None:
    """The unit that a usage counts for, its label and how many base units it holds; None if for none."""
    if used.base == "tokens":
        return BusinessUnit.THOUSAND_TOKENS, used.model or used.service, _THOUSAND
    if used.base == "bytes":
        return BusinessUnit.GB, used.service, _GB
    if used.base == "seconds" and used.medium in _PER_MEDIUM:
        return _PER_MEDIUM[used.medium], used.service, _MINUTE
    return None


def _unit_cost(unit: BusinessUnit, label: str, cost: Decimal, units: Decimal) -> UnitCost:
    with exact_arithmetic():
        return UnitCost(
            unit=unit, label=label, unit_cost=share(cost, units), units=units.quantize(PLACES), total_cost=cost
        )


@router.get(
    "/api/analytics/cost/unit-economics",
    summary="Cost of one execution, user, minute, token, GB",
    response_model=list[UnitCost],
    responses=AMOUNT_RESPONSES,
)
def unit_economics(question: Asked, parameters: Annotated[UnitEconomicsParameters, Query()]) -> Response:
    """What one execution of each kind of task, one user, one minute of video or audio, 1,000 tokens and one GB cost.

    Executions and users are those with a record in the window; what they paid for outside of it is not in. Unpriced
    records count among the units and add no cost; `Spanledger-Unpriced-Share` says how many they are.
    """
    where = parameters.where(question.now)
    return question.amounts(
        columns_of(UnitCost),
        parameters,
        where,
        lambda: parameters.page.cut(read_unit_costs(question.ledger, where)),
    )

"""Where the money goes: the dearest prompt, a user far above the mean, a service that dominates."""

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from string import Template

from pydantic import BaseModel, Field

from spanledger.values import decimal_text
from spanledger_api.amounts import Amount, average, share
from spanledger_api.filters import Dimension
from spanledger_api.recommendations.advice import Brief, Kind, Priority, Recommendation, dearest_of, recommend
from spanledger_api.reports.prompts import PROMPT_SERVICE, read_prompts
from spanledger_api.reports.services import ServiceCost, read_services
from spanledger_api.rows import amount, integer, text
from spanledger_api.sums import Measure, Sums, ask_sums

__all__ = ["prompt_optimization", "service_dominance", "user_cost_alert"]

_USER_MULTIPLE = 3
_SERVICE_SHARE = Decimal("0.6")
_HUNDREDTH = Decimal("0.01")

# The mean is over users: records that name none belong to no user and would only blur it.
_HIGHEST_USER = Template("""
SELECT user_id, cost, sum(cost) OVER () AS total, count() OVER () AS users
FROM
(
    SELECT user_id, sum(sums.cost) AS cost
    FROM $sums AS sums
    WHERE user_id != ''
    GROUP BY user_id
)
ORDER BY cost DESC, user_id
LIMIT 1
""")
_USERS = Sums(("user_id",), (Measure.COST,))


class UserExcess(BaseModel):
    """A user far above the mean."""

    user_id: str
    total_cost: Amount
    mean: Amount = Field(description="Mean cost of a user, half-even at 12 places.")
    multiple: Amount = Field(description="The user's cost as a multiple of the mean, at 2 places.")


class ServiceShare(ServiceCost):
    """A service that makes up most of the cost."""

    percentage: Amount = Field(description="The service's share of the total cost in percent, at 2 places.")


def prompt_optimization(brief: Brief) -> list[Recommendation]:
    """The prompt with the highest average cost, if any prompt cost anything."""
    rows = read_prompts(brief.ledger, brief.where.equal(Dimension.SERVICE, PROMPT_SERVICE))
    worst = min(rows, key=lambda row: (-row.avg_cost, row.operation), default=None)
    if worst is None or worst.avg_cost <= 0:
        return []
    words = {"operation": worst.operation, "avg_cost": brief.money(worst.avg_cost)}
    narrowed = replace(brief, where=brief.where.equal(Dimension.SERVICE, PROMPT_SERVICE))
    records = dearest_of(narrowed, Dimension.OPERATION, worst.operation)
    subject = (worst.operation,)
    return [recommend(brief, Kind.PROMPT_OPTIMIZATION, Priority.HIGH, worst, words, subject=subject, records=records)]


def user_cost_alert(brief: Brief) -> list[Recommendation]:
    """The most expensive user, if above three times the mean of all users."""
    for row in ask_sums(brief.ledger, _HIGHEST_USER, brief.where, _USERS):
        cost, total, users = amount(row, "cost"), amount(row, "total"), integer(row, "users")
        if not cost * users > _USER_MULTIPLE * total > 0:
            continue
        multiple = share(cost * users, total).quantize(_HUNDREDTH, ROUND_HALF_EVEN)
        excess = UserExcess(
            user_id=text(row, "user_id"), total_cost=cost, mean=average(total, users), multiple=multiple
        )
        words = {"user_id": excess.user_id, "total_cost": brief.money(cost), "when": brief.when}
        records = dearest_of(brief, Dimension.USER_ID, excess.user_id)
        subject = (excess.user_id,)
        return [
            recommend(brief, Kind.USER_COST_ALERT, Priority.MEDIUM, excess, words, subject=subject, records=records)
        ]
    return []


def service_dominance(brief: Brief) -> list[Recommendation]:
    """The most expensive service, if above 60 % of the total."""
    rows = read_services(brief.ledger, brief.where)
    total = sum((row.total_cost for row in rows), Decimal(0))
    if not rows or not rows[0].total_cost > _SERVICE_SHARE * total > 0:
        return []
    percentage = (100 * share(rows[0].total_cost, total)).quantize(_HUNDREDTH, ROUND_HALF_EVEN)
    words = {"service": rows[0].service, "percentage": decimal_text(percentage)}
    data = ServiceShare(**rows[0].model_dump(), percentage=percentage)
    records = dearest_of(brief, Dimension.SERVICE, data.service)
    subject = (data.service,)
    return [recommend(brief, Kind.SERVICE_DOMINANCE, Priority.MEDIUM, data, words, subject=subject, records=records)]

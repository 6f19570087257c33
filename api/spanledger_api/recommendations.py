"""Advice drawn from the ledger: GET /api/analytics/recommendations."""

from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from string import Template
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from spanledger_api.amounts import Amount, average, exact_arithmetic, share
from spanledger_api.command_line.output import decimal_text
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.filters import Dimension, Where
from spanledger_api.messages import Locale, message, negotiated_locale
from spanledger_api.parameters import CostWindow
from spanledger_api.reply import AMOUNT_RESPONSES, amount_headers
from spanledger_api.reports.prompts import PROMPT_SERVICE, PromptCost, read_prompts
from spanledger_api.reports.services import ServiceCost, read_services
from spanledger_api.rows import amount, ask, integer, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["Recommendation", "router"]

router = APIRouter(tags=["recommendations"])

_USER_MULTIPLE = 3
_SERVICE_SHARE = Decimal("0.6")
_HUNDREDTH = Decimal("0.01")

# The mean is over users: records that name none belong to no user and would only blur it.
_HIGHEST_USER = Template("""
SELECT user_id, cost, sum(cost) OVER () AS total, count() OVER () AS users
FROM
(
    SELECT user_id, sum(toDecimal256(total_cost, 12)) AS cost
    FROM cost_records
    WHERE user_id != '' AND $where
    GROUP BY user_id
)
ORDER BY cost DESC, user_id
LIMIT 1
""")


class Kind(StrEnum):
    """What a recommendation is about; also the key of its message."""

    PROMPT_OPTIMIZATION = "prompt_optimization"
    USER_COST_ALERT = "user_cost_alert"
    SERVICE_DOMINANCE = "service_dominance"


class Priority(StrEnum):
    """How much a recommendation matters."""

    HIGH = "high"
    MEDIUM = "medium"


class UserExcess(BaseModel):
    """A user far above the mean."""

    user_id: str
    total_cost: Amount
    mean: Amount = Field(description="Mean cost of a user, half-even at 12 places.")
    multiple: Amount = Field(description="The user's cost as a multiple of the mean, at 2 places.")


class ServiceShare(ServiceCost):
    """A service that makes up most of the cost."""

    percentage: Amount = Field(description="The service's share of the total cost in percent, at 2 places.")


class Recommendation(BaseModel):
    """One piece of advice and the numbers behind it."""

    type: Kind
    priority: Priority
    message: str = Field(description="The advice in words, in the language asked for.")
    data: PromptCost | UserExcess | ServiceShare


def _money(value: Decimal, currency: str) -> str:
    return f"${decimal_text(value)}" if currency == "USD" else f"{decimal_text(value)} {currency}"


def _prompt_optimization(ledger: Ledger, where: Where, locale: Locale, currency: str) -> list[Recommendation]:
    """The prompt with the highest average cost, if any prompt cost anything."""
    rows = read_prompts(ledger, where.equal(Dimension.SERVICE, PROMPT_SERVICE))
    worst = min(rows, key=lambda row: (-row.avg_cost, row.operation), default=None)
    if worst is None or worst.avg_cost <= 0:
        return []
    words = message(
        Kind.PROMPT_OPTIMIZATION, locale, operation=worst.operation, avg_cost=_money(worst.avg_cost, currency)
    )
    return [Recommendation(type=Kind.PROMPT_OPTIMIZATION, priority=Priority.HIGH, message=words, data=worst)]


def _user_cost_alert(ledger: Ledger, where: Where, locale: Locale, currency: str, when: str) -> list[Recommendation]:
    """The most expensive user, if above three times the mean of all users."""
    for row in ask(ledger, _HIGHEST_USER, where):
        cost, total, users = amount(row, "cost"), amount(row, "total"), integer(row, "users")
        if not cost * users > _USER_MULTIPLE * total > 0:
            continue
        multiple = share(cost * users, total).quantize(_HUNDREDTH, ROUND_HALF_EVEN)
        excess = UserExcess(
            user_id=text(row, "user_id"), total_cost=cost, mean=average(total, users), multiple=multiple
        )
        words = message(
            Kind.USER_COST_ALERT, locale, user_id=excess.user_id, total_cost=_money(cost, currency), when=when
        )
        return [Recommendation(type=Kind.USER_COST_ALERT, priority=Priority.MEDIUM, message=words, data=excess)]
    return []


def _service_dominance(ledger: Ledger, where: Where, locale: Locale) -> list[Recommendation]:
    """The most expensive service, if above 60 % of the total."""
    rows = read_services(ledger, where)
    total = sum((row.total_cost for row in rows), Decimal(0))
    if not rows or not rows[0].total_cost > _SERVICE_SHARE * total > 0:
        return []
    percentage = (100 * share(rows[0].total_cost, total)).quantize(_HUNDREDTH, ROUND_HALF_EVEN)
    words = message(Kind.SERVICE_DOMINANCE, locale, service=rows[0].service, percentage=decimal_text(percentage))
    data = ServiceShare(**rows[0].model_dump(), percentage=percentage)
    return [Recommendation(type=Kind.SERVICE_DOMINANCE, priority=Priority.MEDIUM, message=words, data=data)]


@router.get(
    "/api/analytics/recommendations",
    summary="Advice on reducing cost",
    response_model=list[Recommendation],
    responses=AMOUNT_RESPONSES,
)
def recommendations(
    deployment: Deployed,
    parameters: Annotated[CostWindow, Query()],
    accept_language: Annotated[str | None, Header(description="`en` or `zh-TW`.")] = None,
) -> Response:
    """Up to three pieces of advice, each with its numbers.

    - `prompt_optimization` (high): the prompt with the highest average cost, as soon as any prompt cost anything.
    - `user_cost_alert` (medium): the most expensive user, if above 3 times the mean of all users.
    - `service_dominance` (medium): the most expensive service, if above 60 % of the total.
    """
    locale = negotiated_locale(accept_language, deployment.locale)
    ledger, currency = deployment.ledger, parameters.currency
    now = deployment.clock()
    where = parameters.where(now)
    headers = amount_headers(ledger, where, currency)
    chosen = parameters.start is not None or parameters.end is not None
    when = message("when_chosen" if chosen else f"when_{parameters.period}", locale)
    with exact_arithmetic():
        advice = [
            *_prompt_optimization(ledger, where, locale, currency),
            *_user_cost_alert(ledger, where, locale, currency, when),
            *_service_dominance(ledger, where, locale),
        ]
    headers |= {"Content-Language": locale.value, "Vary": "Accept-Language"}
    return Response(to_json(advice), media_type="application/json", headers=headers)

"""Advice drawn from the ledger: GET /api/analytics/recommendations."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from spanledger_api.amounts import exact_arithmetic
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.filters import Where
from spanledger_api.messages import message, negotiated_locale
from spanledger_api.parameters import AsKnown, CostWindow
from spanledger_api.recommendations import dismissals
from spanledger_api.recommendations.advice import Adviser, Brief, Recommendation
from spanledger_api.recommendations.dismissals import dismissed_ids
from spanledger_api.recommendations.spending import prompt_optimization, service_dominance, user_cost_alert
from spanledger_api.recommendations.storage import idle_storage
from spanledger_api.recommendations.tokens import cheaper_tokens
from spanledger_api.recommendations.waste import duplicate_calls, retry_waste
from spanledger_api.reply import OPEN_AMOUNT_RESPONSES, amount_headers

__all__ = ["RecommendationsParameters", "router"]

router = APIRouter(tags=["recommendations"])
router.include_router(dismissals.router)

_ADVISERS: tuple[Adviser, ...] = (
    *(prompt_optimization, user_cost_alert, service_dominance),
    *(cheaper_tokens, duplicate_calls, retry_waste, idle_storage),
)


class RecommendationsParameters(AsKnown, CostWindow, frozen=True):
    """Parameters of the recommendations."""

    include_dismissed: bool = Field(
        default=False, alias="includeDismissed", description="Whether to show advice that was dismissed as well."
    )

    def where(self, now: datetime) -> Where:
        """The conditions on the cost records to read; raises as the base does."""
        return self.known(super().where(now))


@router.get(
    "/api/analytics/recommendations",
    summary="Advice on reducing cost",
    response_model=list[Recommendation],
    responses=OPEN_AMOUNT_RESPONSES,
)
def recommendations(
    deployment: Deployed,
    parameters: Annotated[RecommendationsParameters, Query()],
    accept_language: Annotated[str | None, Header(description="`en` or `zh-TW`.")] = None,
) -> Response:
    """Pieces of advice, each with its numbers, some of its records and what it may save.

    - `prompt_optimization` (high): the prompt with the highest average cost, as soon as any prompt cost anything.
    - `user_cost_alert` (medium): the most expensive user, if above 3 times the mean of all users.
    - `service_dominance` (medium): the most expensive service, if above 60 % of the total.
    - `cheaper_model` (high): a prompt that runs with several models, one of which costs less for as many tokens.
    - `cacheable_prompt` (medium): calls whose prompts are long enough to be cached and are not known to be.
    - `oversized_completions` (medium): operations a few of whose answers are far longer than the rest.
    - `duplicate_calls` (medium): equal calls of one user within minutes.
    - `retry_waste` (medium): calls that failed after they were paid for.
    - `idle_storage` (low): objects of S3 stored in the window that nobody has read for two weeks, where others of the
      bucket were read. Reads past the metered clients and deletions are not seen; the saving is of each month.

    The first three come at most once each, the others for up to three subjects. Savings are of the window that was
    asked for, at the prices of today.
    """
    locale = negotiated_locale(accept_language, deployment.locale)
    ledger, now = deployment.ledger, deployment.clock()
    where = parameters.where(now)
    headers = amount_headers(ledger, where, parameters.currency)
    chosen = parameters.start is not None or parameters.end is not None
    when = message("when_chosen" if chosen else f"when_{parameters.period}", locale)
    brief = Brief(ledger, where, parameters.currency, locale, when, now, deployment.calculator)
    dismissed = dismissed_ids(ledger)
    with exact_arithmetic():
        advice = [
            each.model_copy(update={"dismissed": each.id in dismissed})
            for adviser in _ADVISERS
            for each in adviser(brief)
            if parameters.include_dismissed or each.id not in dismissed
        ]
    headers |= {"Content-Language": locale.value, "Vary": "Accept-Language"}
    return Response(to_json(advice), media_type="application/json", headers=headers)

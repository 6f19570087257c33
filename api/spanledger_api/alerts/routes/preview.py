"""What rules would have raised: /api/alerts/preview."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from spanledger.pricing import PriceBook
from spanledger_api.access import Reader
from spanledger_api.alerts.alert_list import AlertFacts
from spanledger_api.alerts.alerting import Alerted, Alerting
from spanledger_api.alerts.preview import preview
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.messages import negotiated_locale
from spanledger_api.problem import PROBLEM_RESPONSES

__all__ = ["router"]

router = APIRouter(tags=["alerts"])


class PreviewParameters(BaseModel, extra="forbid", frozen=True):
    """How far to look back."""

    days: int = Field(30, ge=1, le=92, description="How many days of UTC, today being one of them.")


@router.get(
    "/api/alerts/preview",
    summary="What rules would have raised",
    response_model=list[AlertFacts],
    responses=PROBLEM_RESPONSES,
)
def preview_alerts(
    alerting: Alerted,
    deployment: Deployed,
    reader: Reader,
    parameters: Annotated[PreviewParameters, Query()],
    accept_language: Annotated[str | None, Header(description="`en` or `zh-TW`.")] = None,
) -> Response:
    """What the present rules and budgets would have raised in the past, the oldest first; nothing is sent or written.

    Budgets are looked at as they stood at the end of each day. Of single operations the dearest thousand are shown.
    """
    locale = negotiated_locale(accept_language, deployment.locale)
    # A reader that sees only some rows is shown no budgets: they may be of others.
    shown = (
        alerting
        if reader.scope is None
        else Alerting(alerting.ledger, alerting.configuration.without_budgets(), alerting.costs)
    )
    found = preview(shown, deployment.ledger, PriceBook.from_environment(), deployment.clock(), parameters.days)
    rows = [AlertFacts.model_validate({**alert.facts(), "message": alert.message(locale)}) for alert in found]
    headers = {"Content-Language": locale.value, "Vary": "Accept-Language"}
    return Response(to_json(rows), media_type="application/json", headers=headers)

"""Alerts: /api/alerts."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from starlette.exceptions import HTTPException

from spanledger_api.access import Action, Administrator, Reader, record
from spanledger_api.alerts.acknowledgement import acknowledge
from spanledger_api.alerts.alert_list import AlertRow, AlertsParameters, find_alert, read_alerts
from spanledger_api.alerts.routes.changing import CHANGE_RESPONSES
from spanledger_api.deployment import Deployed, Deployment
from spanledger_api.encoding import to_json
from spanledger_api.messages import Locale, negotiated_locale
from spanledger_api.paging import next_page_headers
from spanledger_api.problem import NOT_FOUND_RESPONSES, PROBLEM_RESPONSES
from spanledger_api.recommendations.dismissals import refuse_other_sites

__all__ = ["router"]

router = APIRouter(tags=["alerts"])

_Id = Annotated[UUID, Path(description="The `alert_id` of the alert.")]
_Language = Annotated[str | None, Header(description="`en` or `zh-TW`.")]


@router.get("/api/alerts", summary="Alerts", response_model=list[AlertRow], responses=PROBLEM_RESPONSES)
def alerts(
    request: Request,
    deployment: Deployed,
    reader: Reader,
    parameters: Annotated[AlertsParameters, Query()],
    accept_language: _Language = None,
) -> Response:
    """What was noticed, the newest first, with what became of its notices.

    An alert is `open` until somebody acknowledges it; one about a budget or about unpriced records is `resolved` once
    its period is over.
    """
    del reader
    locale = negotiated_locale(accept_language, deployment.locale)
    rows = read_alerts(deployment.ledger, parameters.where(), deployment.clock(), locale, parameters.page)
    headers = _headers(locale)
    if len(rows) > parameters.limit:
        rows = rows[: parameters.limit]
        headers |= next_page_headers(request.url, parameters.page)
    return Response(to_json(rows), media_type="application/json", headers=headers)


@router.get("/api/alerts/{alert_id}", summary="One alert", response_model=AlertRow, responses=NOT_FOUND_RESPONSES)
def alert(deployment: Deployed, reader: Reader, alert_id: _Id, accept_language: _Language = None) -> Response:
    """One alert, as the list shows it."""
    del reader
    return _answer(deployment, alert_id, negotiated_locale(accept_language, deployment.locale))


@router.post(
    "/api/alerts/{alert_id}/acknowledge",
    summary="Acknowledge an alert",
    response_model=AlertRow,
    dependencies=[Depends(refuse_other_sites)],
    responses=CHANGE_RESPONSES,
)
def acknowledge_alert(
    deployment: Deployed, administrator: Administrator, alert_id: _Id, accept_language: _Language = None
) -> Response:
    """Say that somebody has seen it; who did so first stays."""
    locale = negotiated_locale(accept_language, deployment.locale)
    found = find_alert(deployment.ledger, alert_id, deployment.clock(), locale)
    if found is not None and found.acknowledged_at is None:
        who = administrator.name or administrator.key_id or administrator.authentication.value
        acknowledge(deployment.ledger, alert_id, who, deployment.clock())
        record(deployment.ledger, administrator, Action.ALERT_ACKNOWLEDGED, str(alert_id))
    return _answer(deployment, alert_id, locale)


def _answer(deployment: Deployment, alert_id: UUID, locale: Locale) -> Response:
    found = find_alert(deployment.ledger, alert_id, deployment.clock(), locale)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no alert of this id.")
    return Response(to_json(found), media_type="application/json", headers=_headers(locale))


def _headers(locale: Locale) -> dict[str, str]:
    return {"Content-Language": locale.value, "Vary": "Accept-Language"}

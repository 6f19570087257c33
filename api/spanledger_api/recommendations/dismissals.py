"""Which advice somebody does not want to see again: /api/recommendations/{id}/dismissal."""

from http import HTTPStatus
from string import Template
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.exceptions import HTTPException

from spanledger_api.access import Action, Administrator, record
from spanledger_api.deployment import Deployed
from spanledger_api.filters import Where
from spanledger_api.problem import FORBIDDEN_RESPONSES
from spanledger_api.rows import ask, text
from spanledger_clickhouse.ledger import Ledger

__all__ = ["dismiss", "dismissed_ids", "router"]

router = APIRouter(tags=["recommendations"])

_DISMISSED = Template("SELECT recommendation_id FROM recommendation_dismissals WHERE $where")
_ALL = Where(("1",))
_WRITE = """
INSERT INTO recommendation_dismissals_local (recommendation_id, is_dismissed, changed_at)
SELECT {recommendation_id:String}, {is_dismissed:UInt8}, now64(6)
"""

_Id = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="The `id` of the recommendation.")]


def refuse_other_sites(request: Request) -> None:
    """Refuse a change that another site's page makes a browser ask for.

    Raises:
        HTTPException: The request names an origin that is not this API's own.
    """
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        raise HTTPException(HTTPStatus.FORBIDDEN, "Changes are not accepted from the pages of other sites.")


def dismissed_ids(ledger: Ledger) -> frozenset[str]:
    """The ids of all dismissed advice; raises as :func:`spanledger_api.rows.ask`."""
    return frozenset(text(row, "recommendation_id") for row in ask(ledger, _DISMISSED, _ALL))


def dismiss(ledger: Ledger, recommendation_id: str, *, dismissed: bool) -> None:
    """Remember that advice is dismissed, or that it is not; repeating it changes nothing."""
    ledger.command(_WRITE, {"recommendation_id": recommendation_id, "is_dismissed": int(dismissed)})


@router.post(
    "/api/recommendations/{recommendation_id}/dismissal",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Dismiss a recommendation",
    dependencies=[Depends(refuse_other_sites)],
    responses=FORBIDDEN_RESPONSES,
)
def dismiss_recommendation(deployment: Deployed, administrator: Administrator, recommendation_id: _Id) -> Response:
    """Leave this advice out from now on, for everybody, until the dismissal is taken back; records are not touched."""
    dismiss(deployment.ledger, recommendation_id, dismissed=True)
    record(deployment.ledger, administrator, Action.RECOMMENDATION_DISMISSED, recommendation_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.delete(
    "/api/recommendations/{recommendation_id}/dismissal",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Take a dismissal back",
    dependencies=[Depends(refuse_other_sites)],
    responses=FORBIDDEN_RESPONSES,
)
def restore_recommendation(deployment: Deployed, administrator: Administrator, recommendation_id: _Id) -> Response:
    """Show this advice again, as long as there is reason for it; one that was never dismissed stays as it is."""
    dismiss(deployment.ledger, recommendation_id, dismissed=False)
    record(deployment.ledger, administrator, Action.RECOMMENDATION_RESTORED, recommendation_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)

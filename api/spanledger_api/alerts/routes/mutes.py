"""Mutes: /api/alerts/mutes."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from spanledger_api.access import Action, Administrator, Reader, record
from spanledger_api.alerts.definitions import all_mutes
from spanledger_api.alerts.mute import Mute, MuteDefinition
from spanledger_api.alerts.routes.changing import CHANGE_RESPONSES, SettingId, new_id
from spanledger_api.alerts.settings import SettingKind, remove_setting, write_setting
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.problem import FORBIDDEN_RESPONSES, PROBLEM_RESPONSES
from spanledger_api.recommendations.dismissals import refuse_other_sites
from spanledger_api.times import format_rfc3339, nanoseconds_of

__all__ = ["router"]

router = APIRouter(tags=["alerts"])


class MuteRow(BaseModel):
    """One mute."""

    mute_id: str
    rule_id: str | None
    service: str | None
    user_id: str | None
    until: str = Field(description="When it ends (RFC 3339).")
    reason: str = Field(examples=["load test"])
    active: bool = Field(description="Whether it has not ended yet.")


@router.get("/api/alerts/mutes", summary="Mutes", response_model=list[MuteRow], responses=PROBLEM_RESPONSES)
def mutes(deployment: Deployed, reader: Reader) -> Response:
    """Every mute that was not removed, those that have ended included."""
    del reader
    shown = [_row(mute, deployment) for mute in all_mutes(deployment.ledger)]
    return Response(to_json(shown), media_type="application/json")


@router.post(
    "/api/alerts/mutes",
    status_code=HTTPStatus.CREATED,
    summary="Mute alerts for a while",
    response_model=MuteRow,
    dependencies=[Depends(refuse_other_sites)],
    responses=FORBIDDEN_RESPONSES,
)
def create_mute(deployment: Deployed, administrator: Administrator, stated: MuteDefinition) -> Response:
    """Keep and show alerts that meet all of it, and do not send them until it ends."""
    made = Mute(**dict(stated), mute_id=new_id())
    write_setting(deployment.ledger, SettingKind.MUTE, made.mute_id, stated)
    record(deployment.ledger, administrator, Action.MUTE_CHANGED, made.mute_id, stated.model_dump(mode="json"))
    return Response(to_json(_row(made, deployment)), HTTPStatus.CREATED, media_type="application/json")


@router.delete(
    "/api/alerts/mutes/{mute_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="End a mute",
    dependencies=[Depends(refuse_other_sites)],
    responses=CHANGE_RESPONSES,
)
def remove_mute(deployment: Deployed, administrator: Administrator, mute_id: SettingId) -> Response:
    """Send again what it covered, from now on."""
    if mute_id not in {mute.mute_id for mute in all_mutes(deployment.ledger)}:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no mute of this id.")
    remove_setting(deployment.ledger, SettingKind.MUTE, mute_id)
    record(deployment.ledger, administrator, Action.MUTE_REMOVED, mute_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _row(mute: Mute, deployment: Deployed) -> MuteRow:
    return MuteRow(
        mute_id=mute.mute_id,
        rule_id=mute.rule_id,
        service=mute.service,
        user_id=mute.user_id,
        until=format_rfc3339(nanoseconds_of(mute.until)),
        reason=mute.reason,
        active=deployment.clock() < mute.until,
    )

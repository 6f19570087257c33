"""Channels and trying them: /api/alerts/channels and /api/alerts/test."""

from decimal import Decimal
from http import HTTPStatus
from uuid import uuid4

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from spanledger.exceptions import DeliveryFailedError, DeliveryRefusedError
from spanledger_api.access import Action, Administrator, Reader, record
from spanledger_api.alerts.alert import Alert
from spanledger_api.alerts.alert_list import DeliveryStatus
from spanledger_api.alerts.alerting import Alerted
from spanledger_api.alerts.channels import Channel, ChannelKind, Notice
from spanledger_api.alerts.kinds import Kind, Severity
from spanledger_api.alerts.routes.changing import CHANGE_RESPONSES
from spanledger_api.deployment import Deployed, Deployment
from spanledger_api.encoding import to_json
from spanledger_api.problem import PROBLEM_RESPONSES
from spanledger_api.recommendations.dismissals import refuse_other_sites

__all__ = ["router"]

router = APIRouter(tags=["alerts"])


class ChannelRow(BaseModel):
    """One channel; where it leads is not shown."""

    name: str = Field(examples=["slack"])
    kind: ChannelKind


class TestRequest(BaseModel, extra="forbid", frozen=True):
    """Which channels to try."""

    channel: str | None = Field(None, max_length=100, description="This one only; null tries all.", examples=["slack"])


class TestRow(BaseModel):
    """What became of a try."""

    channel: str
    status: DeliveryStatus = Field(description="`sent` or `failed`.", examples=["sent"])
    error: str | None = Field(description="Why it was not taken; null if it was.")


@router.get("/api/alerts/channels", summary="Channels", response_model=list[ChannelRow], responses=PROBLEM_RESPONSES)
def channels(alerting: Alerted, reader: Reader) -> Response:
    """The names and kinds of the channels that the operator set up; never where they lead."""
    del reader
    shown = [ChannelRow(name=each.name, kind=each.kind) for each in alerting.configuration.channels]
    return Response(to_json(shown), media_type="application/json")


@router.post(
    "/api/alerts/test",
    summary="Try channels",
    response_model=list[TestRow],
    dependencies=[Depends(refuse_other_sites)],
    responses=CHANGE_RESPONSES,
)
def try_channels(
    alerting: Alerted, deployment: Deployed, administrator: Administrator, asked: TestRequest | None = None
) -> Response:
    """Send a message that says it is a test, now and once, and tell what each channel answered."""
    wanted = asked.channel if asked else None
    chosen = [each for each in alerting.configuration.channels if wanted in {None, each.name}]
    if wanted is not None and not chosen:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no channel of this name.")
    tried = [_try(each, deployment) for each in chosen]
    record(
        deployment.ledger,
        administrator,
        Action.CHANNELS_TRIED,
        wanted or "*",
        {row.channel: row.status for row in tried},
    )
    return Response(to_json(tried), media_type="application/json")


def _try(channel: Channel, deployment: Deployment) -> TestRow:
    now = deployment.clock()
    alert = Alert(
        alert_id=uuid4(),
        rule_id="test",
        rule_name="Test",
        kind=Kind.TEST,
        severity=Severity.INFO,
        occurred_at=now,
        detected_at=now,
        value=Decimal(0),
        threshold=Decimal(0),
        currency="",
        message_key="alert_test",
        words={"channel": channel.name},
    )
    try:
        channel.send(Notice(alert, deployment.locale))
    except (DeliveryFailedError, DeliveryRefusedError) as error:
        return TestRow(channel=channel.name, status=DeliveryStatus.FAILED, error=str(error))
    return TestRow(channel=channel.name, status=DeliveryStatus.SENT, error=None)

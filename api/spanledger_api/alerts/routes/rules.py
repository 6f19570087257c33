"""Rules: /api/alerts/rules."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response

from spanledger_api.access import Action, Administrator, Reader, record
from spanledger_api.alerts.alerting import Alerted
from spanledger_api.alerts.definitions import all_rules
from spanledger_api.alerts.kinds import Origin
from spanledger_api.alerts.routes.changing import (
    CHANGE_RESPONSES,
    SettingId,
    new_id,
    refuse_file,
    refuse_unknown_channels,
)
from spanledger_api.alerts.rule import Rule, RuleDefinition
from spanledger_api.alerts.settings import SettingKind, remove_setting, write_setting
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.problem import FORBIDDEN_RESPONSES, PROBLEM_RESPONSES
from spanledger_api.recommendations.dismissals import refuse_other_sites

__all__ = ["router"]

router = APIRouter(tags=["alerts"])


@router.get("/api/alerts/rules", summary="Rules of alerts", response_model=list[Rule], responses=PROBLEM_RESPONSES)
def rules(alerting: Alerted, deployment: Deployed, reader: Reader) -> Response:
    """Every rule: those of the operator's file and variables, which requests cannot change, then those of requests."""
    del reader
    return Response(to_json(all_rules(deployment.ledger, alerting.configuration)), media_type="application/json")


@router.post(
    "/api/alerts/rules",
    status_code=HTTPStatus.CREATED,
    summary="Make a rule",
    response_model=Rule,
    dependencies=[Depends(refuse_other_sites)],
    responses=FORBIDDEN_RESPONSES,
)
def create_rule(
    alerting: Alerted, deployment: Deployed, administrator: Administrator, stated: RuleDefinition
) -> Response:
    """Make a rule; it holds within seconds, for what arrives from then on."""
    refuse_unknown_channels(stated.channels, alerting.configuration)
    made = Rule(**dict(stated), rule_id=new_id(), origin=Origin.API)
    write_setting(deployment.ledger, SettingKind.RULE, made.rule_id, stated)
    record(deployment.ledger, administrator, Action.ALERT_RULE_CHANGED, made.rule_id, stated.model_dump(mode="json"))
    return Response(to_json(made), HTTPStatus.CREATED, media_type="application/json")


@router.put(
    "/api/alerts/rules/{rule_id}",
    summary="Change a rule",
    response_model=Rule,
    dependencies=[Depends(refuse_other_sites)],
    responses=CHANGE_RESPONSES,
)
def change_rule(
    alerting: Alerted, deployment: Deployed, administrator: Administrator, rule_id: SettingId, stated: RuleDefinition
) -> Response:
    """State a rule anew as a whole; what it has raised stays."""
    _refuse(alerting, deployment, rule_id)
    refuse_unknown_channels(stated.channels, alerting.configuration)
    write_setting(deployment.ledger, SettingKind.RULE, rule_id, stated)
    record(deployment.ledger, administrator, Action.ALERT_RULE_CHANGED, rule_id, stated.model_dump(mode="json"))
    changed = Rule(**dict(stated), rule_id=rule_id, origin=Origin.API)
    return Response(to_json(changed), media_type="application/json")


@router.delete(
    "/api/alerts/rules/{rule_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Remove a rule",
    dependencies=[Depends(refuse_other_sites)],
    responses=CHANGE_RESPONSES,
)
def remove_rule(alerting: Alerted, deployment: Deployed, administrator: Administrator, rule_id: SettingId) -> Response:
    """Remove a rule; what it has raised stays."""
    _refuse(alerting, deployment, rule_id)
    remove_setting(deployment.ledger, SettingKind.RULE, rule_id)
    record(deployment.ledger, administrator, Action.ALERT_RULE_REMOVED, rule_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _refuse(alerting: Alerted, deployment: Deployed, rule_id: str) -> None:
    known = {rule.rule_id: rule.origin for rule in all_rules(deployment.ledger, alerting.configuration)}
    refuse_file(known.get(rule_id))

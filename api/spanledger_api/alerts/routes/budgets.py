"""Budgets: /api/budgets."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from spanledger_api.access import Action, Administrator, Principal, Reader, record
from spanledger_api.access.principal import ScopeKind
from spanledger_api.alerts.alerting import Alerted, Alerting
from spanledger_api.alerts.budget import Budget, BudgetDefinition, Scope
from spanledger_api.alerts.budgets import BudgetState, BudgetStatus, read_budget, worst_first
from spanledger_api.alerts.definitions import all_budgets
from spanledger_api.alerts.kinds import Origin
from spanledger_api.alerts.routes.changing import (
    CHANGE_RESPONSES,
    SettingId,
    new_id,
    refuse_file,
    refuse_unknown_channels,
)
from spanledger_api.alerts.settings import SettingKind, remove_setting, write_setting
from spanledger_api.amounts import Amount
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.problem import FORBIDDEN_RESPONSES, NOT_FOUND_RESPONSES, PROBLEM_RESPONSES
from spanledger_api.recommendations.dismissals import refuse_other_sites
from spanledger_api.times import format_rfc3339, nanoseconds_of

__all__ = ["router"]

router = APIRouter(tags=["budgets"])

_SCOPES = {ScopeKind.USER_ID: Scope.USER, ScopeKind.SERVICE: Scope.SERVICE}


class BudgetRow(Budget, frozen=True):
    """A budget and how it stands in its current period."""

    period_start: str = Field(description="First instant of the period (RFC 3339).")
    period_end: str = Field(description="First instant after it (RFC 3339).")
    spent: Amount = Field(description="Exact sum of the period so far.")
    forecast: Amount | None = Field(description="Expected sum at its end; null without a full day of history.")
    used_share: Amount = Field(description="What is spent as a share of the amount; above 1 where it is exceeded.")
    runs_out_at: str | None = Field(description="When the amount will be spent at the present rate; null: not in time.")
    status: BudgetStatus


@router.get("/api/budgets", summary="Budgets", response_model=list[BudgetRow], responses=PROBLEM_RESPONSES)
def budgets(alerting: Alerted, deployment: Deployed, reader: Reader) -> Response:
    """Every budget and how it stands, the worst first; a key that sees only some rows gets the budgets of those."""
    seen = [each for each in all_budgets(alerting.ledger, alerting.configuration) if _sees(reader, each)]
    states = [read_budget(alerting.costs, each, deployment.clock()) for each in seen]
    return Response(to_json([_row(each) for each in worst_first(states)]), media_type="application/json")


@router.get("/api/budgets/{budget_id}", summary="One budget", response_model=BudgetRow, responses=NOT_FOUND_RESPONSES)
def budget(alerting: Alerted, deployment: Deployed, reader: Reader, budget_id: SettingId) -> Response:
    """One budget and how it stands."""
    found = _find(alerting, budget_id)
    if found is None or not _sees(reader, found):
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no budget of this id.")
    return _answer(alerting, deployment, found)


@router.post(
    "/api/budgets",
    status_code=HTTPStatus.CREATED,
    summary="Make a budget",
    response_model=BudgetRow,
    dependencies=[Depends(refuse_other_sites)],
    responses=FORBIDDEN_RESPONSES,
)
def create_budget(
    alerting: Alerted, deployment: Deployed, administrator: Administrator, stated: BudgetDefinition
) -> Response:
    """Make a budget; the thresholds it has reached already are raised within seconds, the highest one is sent."""
    return _write(alerting, deployment, administrator, new_id(), stated, HTTPStatus.CREATED)


@router.put(
    "/api/budgets/{budget_id}",
    summary="Change a budget",
    response_model=BudgetRow,
    dependencies=[Depends(refuse_other_sites)],
    responses=CHANGE_RESPONSES,
)
def change_budget(
    alerting: Alerted,
    deployment: Deployed,
    administrator: Administrator,
    budget_id: SettingId,
    stated: BudgetDefinition,
) -> Response:
    """State a budget anew as a whole; with another amount its thresholds hold anew in the current period."""
    found = _find(alerting, budget_id)
    refuse_file(None if found is None else found.origin)
    return _write(alerting, deployment, administrator, budget_id, stated, HTTPStatus.OK)


@router.delete(
    "/api/budgets/{budget_id}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Remove a budget",
    dependencies=[Depends(refuse_other_sites)],
    responses=CHANGE_RESPONSES,
)
def remove_budget(
    alerting: Alerted, deployment: Deployed, administrator: Administrator, budget_id: SettingId
) -> Response:
    """Remove a budget; the alerts about it stay."""
    found = _find(alerting, budget_id)
    refuse_file(None if found is None else found.origin)
    remove_setting(deployment.ledger, SettingKind.BUDGET, budget_id)
    record(deployment.ledger, administrator, Action.BUDGET_REMOVED, budget_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _write(  # noqa: PLR0913, PLR0917 - what a handler was given
    alerting: Alerting,
    deployment: Deployed,
    administrator: Principal,
    budget_id: str,
    stated: BudgetDefinition,
    status: HTTPStatus,
) -> Response:
    refuse_unknown_channels(stated.channels, alerting.configuration)
    write_setting(deployment.ledger, SettingKind.BUDGET, budget_id, stated)
    record(deployment.ledger, administrator, Action.BUDGET_CHANGED, budget_id, stated.model_dump(mode="json"))
    return _answer(alerting, deployment, Budget(**dict(stated), budget_id=budget_id, origin=Origin.API), status)


def _answer(alerting: Alerting, deployment: Deployed, found: Budget, status: HTTPStatus = HTTPStatus.OK) -> Response:
    state = read_budget(alerting.costs, found, deployment.clock())
    return Response(to_json(_row(state)), status, media_type="application/json")


def _find(alerting: Alerting, budget_id: str) -> Budget | None:
    budgets = all_budgets(alerting.ledger, alerting.configuration)
    return next((each for each in budgets if each.budget_id == budget_id), None)


def _sees(reader: Principal, found: Budget) -> bool:
    """Whether a budget is about rows that the reader sees."""
    scope = reader.scope
    return scope is None or (found.scope, found.scope_value) == (_SCOPES[scope.kind], scope.value)


def _row(state: BudgetState) -> BudgetRow:
    period, runs_out = state.period, state.runs_out_at
    return BudgetRow(
        **dict(state.budget),
        period_start=format_rfc3339(nanoseconds_of(period.start_instant)),
        period_end=format_rfc3339(nanoseconds_of(period.end_instant)),
        spent=state.spent,
        forecast=state.forecast,
        used_share=state.used_share,
        runs_out_at=None if runs_out is None else format_rfc3339(nanoseconds_of(runs_out)),
        status=state.status,
    )

"""Keys over HTTP, for administrators: /api/keys."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from spanledger.exceptions import InvalidRequestError
from spanledger_api.access.audit import Action, record
from spanledger_api.access.dependencies import Administrator
from spanledger_api.access.gate import Gate
from spanledger_api.access.keys import AccessKey, NewKey, find_key, has_administrator, issue_key, read_keys, revoke_key
from spanledger_api.access.principal import Role, RowScope, ScopeKind
from spanledger_api.access.session import Scope, shown_scope
from spanledger_api.deployment import Deployed
from spanledger_api.encoding import to_json
from spanledger_api.problem import CONFLICT_RESPONSES, NOT_FOUND_RESPONSES, PROBLEM_RESPONSES, problem
from spanledger_api.times import format_rfc3339, nanoseconds_of

__all__ = ["chosen_scope", "router", "shown_key"]

router = APIRouter(tags=["access"])

_TEN_YEARS_SECONDS = 10 * 366 * 86_400


class ShownKey(BaseModel):
    """What is known of a key; the key itself is not."""

    key_id: str = Field(description="Its public name.")
    name: str = Field(description="What people call it.")
    role: Role = Field(description="What it may do.")
    scope: Scope | None = Field(description="The rows that it sees; null for all.")
    created_at: str = Field(description="RFC 3339.")
    created_by: str = Field(description="The key or subject that made it.")
    expires_at: str | None = Field(description="RFC 3339; null: never.")
    revoked_at: str | None = Field(description="RFC 3339; null: it was not revoked.")
    last_used_at: str | None = Field(description="RFC 3339, give or take a minute; null: never.")


class IssuedKey(ShownKey):
    """A key that was just made."""

    key: str = Field(description="The key itself. It is shown this once and kept nowhere.")


class KeyRequest(BaseModel, extra="forbid", frozen=True):
    """The key to make."""

    name: str = Field(min_length=1, max_length=200, description="What people call it.", examples=["dashboard"])
    role: Role = Field(description="What it may do.", examples=["read"])
    user_id: str | None = Field(None, min_length=1, max_length=200, description="Rows of this user only; role read.")
    service: str | None = Field(None, min_length=1, max_length=200, description="Rows of this service only; role read.")
    expires_in_seconds: int | None = Field(
        None,
        ge=1,
        le=_TEN_YEARS_SECONDS,
        description="How long it is valid; until it is revoked where absent.",
        examples=[7_776_000],
    )

    def wanted(self) -> NewKey:
        """What is asked for.

        Raises:
            InvalidRequestError: The parts do not go together.
        """
        lifetime = None if self.expires_in_seconds is None else timedelta(seconds=self.expires_in_seconds)
        return NewKey(name=self.name, role=self.role, scope=chosen_scope(self.user_id, self.service), lifetime=lifetime)


_Id = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="The `key_id` of the key.")]


@router.get("/api/keys", summary="Keys", response_model=list[ShownKey], responses=PROBLEM_RESPONSES)
def keys(deployment: Deployed, administrator: Administrator) -> Response:
    """Every key there is or was, the oldest first; of the keys themselves nothing is kept that could be shown."""
    del administrator
    shown = [ShownKey.model_validate(shown_key(key)) for key in read_keys(deployment.ledger)]
    return Response(to_json(shown), media_type="application/json")


@router.post(
    "/api/keys",
    status_code=HTTPStatus.CREATED,
    summary="Make a key",
    response_model=IssuedKey,
    responses={**CONFLICT_RESPONSES, 201: {"description": "The key, shown this once."}},
)
def create_key(request: Request, deployment: Deployed, administrator: Administrator, asked: KeyRequest) -> Response:
    """Make a key. The very first one closes the API to everybody without one, so it must be of role admin."""
    ledger, wanted = deployment.ledger, asked.wanted()
    gate = _gate(request)
    if wanted.role is not Role.ADMIN and gate is not None and not gate.is_closed:
        detail = "The first key must be of role admin: from then on every request needs one, this one too."
        return problem(HTTPStatus.CONFLICT, "no-administrator", detail)
    key, made = issue_key(ledger, wanted, created_by=administrator.key_id or administrator.authentication)
    record(ledger, administrator, Action.KEY_CREATED, made.key_id, {"name": made.name, "role": made.role.value})
    _refresh(gate)
    issued = IssuedKey.model_validate({**shown_key(made), "key": key})
    return Response(to_json(issued), HTTPStatus.CREATED, media_type="application/json")


@router.delete(
    "/api/keys/{key_id}",
    summary="Revoke a key",
    response_model=ShownKey,
    responses=NOT_FOUND_RESPONSES | CONFLICT_RESPONSES,
)
def delete_key(request: Request, deployment: Deployed, administrator: Administrator, key_id: _Id) -> Response:
    """End a key for good, on every replica within seconds; one that has ended stays as it is.

    The last valid key of role admin cannot be revoked; make another one first.
    """
    ledger, gate = deployment.ledger, _gate(request)
    key = find_key(ledger, key_id)
    if key is None:
        return problem(HTTPStatus.NOT_FOUND, "unknown-key", f"There is no key {key_id!r}.")
    if key.revoked_at is None:
        others = [each for each in read_keys(ledger) if each.key_id != key_id]
        left = has_administrator(others, deployment.clock()) or (gate is not None and gate.has_other_administrators)
        if key.role is Role.ADMIN and not left:
            detail = "It is the last key of role admin; make another one first."
            return problem(HTTPStatus.CONFLICT, "last-administrator", detail)
        key = revoke_key(ledger, key_id) or key
        record(ledger, administrator, Action.KEY_REVOKED, key_id, {"name": key.name, "role": key.role.value})
        _refresh(gate)
    return Response(to_json(ShownKey.model_validate(shown_key(key))), media_type="application/json")


def chosen_scope(user_id: str | None, service: str | None) -> RowScope | None:
    """The scope that two options choose; None without either.

    Raises:
        InvalidRequestError: Both are given.
    """
    if user_id is not None and service is not None:
        message = "a key is bound to a user or to a service, not to both"
        raise InvalidRequestError(message, parameter="service")
    if user_id is not None:
        return RowScope(ScopeKind.USER_ID, user_id)
    return None if service is None else RowScope(ScopeKind.SERVICE, service)


def shown_key(key: AccessKey) -> dict[str, object]:
    """A key as answers show it."""
    scope = shown_scope(key.scope)
    return {
        "key_id": key.key_id,
        "name": key.name,
        "role": key.role,
        "scope": None if scope is None else scope.model_dump(),
        "created_at": _time(key.created_at),
        "created_by": key.created_by,
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "last_used_at": _time(key.last_used_at),
    }


def _time(instant: datetime | None) -> str | None:
    return None if instant is None else format_rfc3339(nanoseconds_of(instant))


def _gate(request: Request) -> Gate | None:
    gate = request.app.state.gate
    return gate if isinstance(gate, Gate) else None


def _refresh(gate: Gate | None) -> None:
    if gate is not None:
        gate.keys.refresh()

"""Who am I: GET /api/session."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from spanledger_api.access.dependencies import Anybody
from spanledger_api.access.principal import Authentication, Role, RowScope
from spanledger_api.encoding import to_json

__all__ = ["Scope", "Session", "router", "shown_scope"]

router = APIRouter(tags=["access"])


class Scope(BaseModel):
    """The rows that somebody sees; one of the two is stated."""

    user_id: str | None = Field(None, description="Rows of this user only.")
    service: str | None = Field(None, description="Rows of this service only.")


class Session(BaseModel):
    """Whom the API takes the sender of a request for."""

    authentication: Authentication = Field(
        description="How that was proved: by a `key`, by a token (`oidc`), or not at all (`none`)."
    )
    role: Role = Field(description="What they may do.")
    key_id: str | None = Field(description="Their key, or the subject of their token; null without either.")
    name: str | None = Field(description="What people call them; null without a name.")
    scope: Scope | None = Field(description="The rows that they see; null for all of them.")


def shown_scope(scope: RowScope | None) -> Scope | None:
    """A scope as answers show it."""
    return None if scope is None else Scope.model_validate({scope.kind.value: scope.value})


@router.get("/api/session", summary="Who asks", response_model=Session)
def session(principal: Anybody) -> Response:
    """Whom the API takes the sender for, what they may do and which rows they see; for keys of every role."""
    found = Session(
        authentication=principal.authentication,
        role=principal.role,
        key_id=principal.key_id,
        name=principal.name,
        scope=shown_scope(principal.scope),
    )
    return Response(to_json(found), media_type="application/json")

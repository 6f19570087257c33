"""What the paths that change rules, budgets and mutes have in common."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Path
from starlette.exceptions import HTTPException

from spanledger.exceptions import InvalidRequestError
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.kinds import Origin
from spanledger_api.problem import CONFLICT_RESPONSES, FORBIDDEN_RESPONSES, NOT_FOUND_RESPONSES

__all__ = ["CHANGE_RESPONSES", "SettingId", "new_id", "refuse_file", "refuse_unknown_channels"]

SettingId = Annotated[str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", description="Its id.")]
"""The id of a rule, a budget or a mute."""

CHANGE_RESPONSES: dict[int | str, dict[str, Any]] = NOT_FOUND_RESPONSES | CONFLICT_RESPONSES | FORBIDDEN_RESPONSES
"""OpenAPI description of the problems of a path that changes something that has an id."""


def new_id() -> str:
    """An id that nothing has yet."""
    return uuid4().hex[:16]


def refuse_file(origin: Origin | None) -> None:
    """Refuse to change what is not there, or what the operator's file states.

    Raises:
        HTTPException: It is not there (404) or in the file (409).
    """
    if origin is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is nothing of this id.")
    if origin is Origin.FILE:
        raise HTTPException(HTTPStatus.CONFLICT, "It is set up in the operator's file or variables; change it there.")


def refuse_unknown_channels(stated: list[str] | None, configuration: AlertConfiguration) -> None:
    """Refuse a rule or a budget that tells a channel that is not set up.

    Raises:
        InvalidRequestError: There is no such channel.
    """
    known = configuration.channel_names
    if unknown := next((name for name in stated or () if name not in known), None):
        message = f"{unknown} is not set up; known are {', '.join(known) or 'none'}"
        raise InvalidRequestError(message, parameter="channels")

"""How a handler gets hold of who asks, and refuses those who may not."""

from typing import Annotated

from fastapi import Depends, Request

from spanledger.exceptions import PermissionDeniedError
from spanledger_api.access.principal import EVERYBODY, Principal, Role

__all__ = ["Administrator", "Anybody", "Reader", "asking", "principal_of"]

STATE = "principal"
"""Where the middleware leaves who asks, in the state of a request."""


def principal_of(request: Request) -> Principal:
    """Who sends a request; everybody where the app was made without access control."""
    found = getattr(request.state, STATE, EVERYBODY)
    if not isinstance(found, Principal):
        message = f"{found!r} is not a principal"
        raise TypeError(message)
    return found


def asking(request: Request) -> Principal:
    """Who asks, whatever they may do."""
    return principal_of(request)


def _reader(request: Request) -> Principal:
    principal = principal_of(request)
    if not principal.role.reads:
        message = "This key may only send spans; a key of role read or admin may ask."
        raise PermissionDeniedError(message)
    return principal


def _administrator(request: Request) -> Principal:
    principal = principal_of(request)
    if principal.role is not Role.ADMIN:
        message = f"This takes the role admin; yours is {principal.role}."
        raise PermissionDeniedError(message)
    return principal


Anybody = Annotated[Principal, Depends(asking)]
"""Annotation of an argument that receives who asks, whatever they may do."""

Reader = Annotated[Principal, Depends(_reader)]
"""Annotation of an argument that receives who asks; others than readers and administrators get 403."""

Administrator = Annotated[Principal, Depends(_administrator)]
"""Annotation of an argument that receives who asks; others than administrators get 403."""

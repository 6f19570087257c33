"""How long a request's body may be."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from spanledger_api.problem import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyLimitMiddleware"]

_MOST_BYTES: Final = 1024**2
_REFUSAL: Final = f"The body is longer than {_MOST_BYTES} bytes."


class BodyLimitMiddleware:
    """Refuses longer bodies to the app that it wraps, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("Content-Length", "0")
        if announced.isdecimal() and int(announced) > _MOST_BYTES:
            answer = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", _REFUSAL)
            await answer(scope, receive, send)
            return
        length = 0

        async def counting() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > _MOST_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _REFUSAL)
            return message

        await self._app(scope, counting, send)

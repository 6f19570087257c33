"""One id for each request, in its answer, in a problem's ``instance`` and in the log."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["REQUEST_ID", "RequestIdMiddleware", "current_request_id", "request_id"]

REQUEST_ID: Final = "X-Request-Id"
"""Header with the id: a caller may choose it, every answer states it."""

_ACCEPTED: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request that is being answered; a new one outside of any."""
    return _current.get() or str(uuid4())


def current_request_id() -> str:
    """The id of the request that is being answered; empty outside of any."""
    return _current.get()


class RequestIdMiddleware:
    """Gives each HTTP request of the app that it wraps an id: the caller's own, if it is a plain one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and state its id in the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get(REQUEST_ID, "")
        chosen = asked if _ACCEPTED.fullmatch(asked) else str(uuid4())
        # Never reset: what answers for a failure of this very request runs after this has been left.
        _current.set(chosen)

        async def stating(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = chosen
            await send(message)

        await self._app(scope, receive, stating)

"""The door of the API: who passes, to which paths, how often."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders

from spanledger.exceptions import AuthenticationError, PermissionDeniedError, RateLimitedError, RetryableError
from spanledger_api.access.audit_middleware import READING_METHODS
from spanledger_api.access.dependencies import STATE
from spanledger_api.access.gate import is_loopback_name
from spanledger_api.access.principal import Principal, Role
from spanledger_api.dashboard import is_page
from spanledger_api.problem import problem, unavailable

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from spanledger_api.access.gate import Gate

__all__ = ["PUBLIC_PATHS", "AccessMiddleware", "is_public"]

PUBLIC_PATHS: Final = frozenset({"/", "/healthz", "/readyz", "/favicon.ico"})
"""Paths that anybody may ask for: they tell whether the process works, or hold a page without data."""

_PORT: Final = "api"
_PUBLIC_FOLDER: Final = "/assets/"
_OF_ANY_ROLE: Final = frozenset({"/api/session"})


class AccessMiddleware:
    """Lets through who may pass, and leaves who it is in the request's state.

    Reading takes the role read or admin, anything else admin; a path that asks for more says so by its own dependency.
    So a path is closed until somebody opens it, not the other way round.

    Args:
        app: The app behind the door.
        gate: Decides who a request is from.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated: dict[str, str] = {}
        refusal = await self._refusal(scope, stated)
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(stated)
                headers.add_vary_header("Authorization")
            await send(message)

        await self._app(scope, receive, completed)

    async def _refusal(self, scope: Scope, stated: dict[str, str]) -> Response | None:
        try:
            await self._admit(scope, stated)
        except AuthenticationError as error:
            answer = problem(HTTPStatus.UNAUTHORIZED, "not-authenticated", str(error))
            answer.headers["WWW-Authenticate"] = 'Bearer realm="spanledger"'
            return answer
        except PermissionDeniedError as error:
            return problem(HTTPStatus.FORBIDDEN, "permission-denied", str(error))
        except RateLimitedError as error:
            answer = problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", str(error))
            answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        except RetryableError as error:
            return unavailable(str(error))
        return None

    async def _admit(self, scope: Scope, stated: dict[str, str]) -> None:
        headers, address = Headers(scope=scope), _address(scope)
        if not self._gate.is_closed:
            _refuse_pages(headers)
        self._gate.pass_address(address, _PORT)
        if is_public(scope["path"]):
            return
        credential = _bearer(headers)
        if self._gate.takes_time(credential):
            principal = await run_in_threadpool(self._gate.identify, credential, address, _PORT)
        else:
            principal = self._gate.identify(credential, address, _PORT)
        allowance = self._gate.pass_principal(principal, _PORT)
        if allowance is not None:
            stated.update(allowance.headers)
        # Known before it is judged, so that the log can tell who was denied something.
        scope.setdefault("state", {})[STATE] = principal
        _require_role(principal, scope)


def is_public(path: str) -> bool:
    """Whether anybody may ask for a path."""
    return path in PUBLIC_PATHS or path.startswith(_PUBLIC_FOLDER) or is_page(path)


def _bearer(headers: Headers) -> str:
    scheme, _, credential = headers.get("Authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _refuse_pages(headers: Headers) -> None:
    """Keep out the pages of other sites that a browser on this machine shows.

    Without keys, being able to reach the port is all it takes, and such a page can: under a name that its site points
    at this machine, or by sending without seeing the answer.
    """
    host = urlsplit(f"//{headers.get('Host', '')}").hostname or ""
    if not is_loopback_name(host):
        message = f"Without keys only this machine is answered, and {host!r} is not a name of it; use 127.0.0.1."
        raise PermissionDeniedError(message)
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("Host"):
        message = "Without keys the pages of other sites are not answered."
        raise PermissionDeniedError(message)


def _require_role(principal: Principal, scope: Scope) -> None:
    if principal.role is Role.ADMIN or scope["path"] in _OF_ANY_ROLE:
        return
    if not principal.role.reads:
        message = "This key may only send spans; a key of role read or admin may ask."
        raise PermissionDeniedError(message)
    if scope["method"] not in READING_METHODS:
        message = f"This takes the role admin; yours is {principal.role}."
        raise PermissionDeniedError(message)
    if principal.scope is not None and scope["path"] == "/metrics":
        message = "The counters are of everybody's requests; a key that is bound to some rows does not see them."
        raise PermissionDeniedError(message)

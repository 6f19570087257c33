"""Every request that changes something leaves a line in the log of administrators, whatever its handler does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.concurrency import run_in_threadpool

from spanledger.exceptions import SpanledgerError
from spanledger_api.access.audit import Action, record, watched
from spanledger_api.access.dependencies import STATE
from spanledger_api.access.principal import EVERYBODY, Authentication, Principal
from spanledger_api.problem import unavailable

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["READING_METHODS", "AuditMiddleware"]

READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_DENIED_OF_ONE_OPERATION: Final = RateLimitItemPerHour(1)
_DENIED_OF_ONE_KEY: Final = RateLimitItemPerHour(30)
_LONGEST_PATH: Final = 200
_NOT_NOTED: Final = "It was done, and the ledger could not take the line that says so; look before you ask again."

_log = logging.getLogger(__name__)


class AuditMiddleware:
    """Looks at each answer before it leaves.

    A request that may change something, was answered with success and recorded nothing gets a line of its own: its
    handler had nothing to change, or forgot. So does somebody known who is denied something, once an hour for each path
    and thirty times at most: who asks on and on must not fill the log.

    Args:
        app: The app whose answers are looked at, the door with it.
        ledger: Where the lines go.
    """

    def __init__(self, app: ASGIApp, ledger: Ledger) -> None:
        self._app = app
        self._ledger = ledger
        self._denied = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and write the line it owes before its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_refused = False

        async def noting(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and not await self._noted(scope, message["status"], bool(seen)):
                is_refused = True
                await unavailable(_NOT_NOTED)(scope, receive, send)
            if not is_refused:
                await send(message)

        with watched() as seen:
            await self._app(scope, receive, noting)

    async def _noted(self, scope: Scope, status: int, is_recorded: bool) -> bool:  # noqa: FBT001 - of one caller
        """Write the line that an answer owes, if it does; False if the ledger did not take it."""
        action = self._owed(scope, status, is_recorded)
        if action is None:
            return True
        try:
            await run_in_threadpool(
                record, self._ledger, _principal(scope), action, _operation(scope), {"status": status}
            )
        except (ClickHouseError, SpanledgerError) as error:
            _log.warning("The log of administrators lacks %s %s: %s", action, _operation(scope), error)
            return action is Action.REQUEST_DENIED
        return True

    def _owed(self, scope: Scope, status: int, is_recorded: bool) -> Action | None:  # noqa: FBT001 - of one caller
        if status == 403:  # noqa: PLR2004 - Forbidden
            return Action.REQUEST_DENIED if self._is_first(_principal(scope), _operation(scope)) else None
        if is_recorded or scope["method"] in READING_METHODS or not 200 <= status < 300:  # noqa: PLR2004 - success
            return None
        return Action.REQUEST_ANSWERED

    def _is_first(self, principal: Principal, operation: str) -> bool:
        """Whether somebody known is denied this for the first time within the hour."""
        if principal.authentication is Authentication.NONE:
            return False
        name = str(principal.key_id)
        return self._denied.hit(_DENIED_OF_ONE_OPERATION, name, operation) and self._denied.hit(
            _DENIED_OF_ONE_KEY, name
        )


def _principal(scope: Scope) -> Principal:
    found = scope.get("state", {}).get(STATE, EVERYBODY)
    return found if isinstance(found, Principal) else EVERYBODY


def _operation(scope: Scope) -> str:
    """Method and path of a request; the template of the path where the router has been reached."""
    return f"{scope['method']} {getattr(scope.get('route'), 'path_format', scope['path'][:_LONGEST_PATH])}"

"""On whose behalf, told from one own service to the next: W3C baggage and trace context in headers.

A request to a third party never carries any of it: the identity is no OpenTelemetry baggage inside the process, so that
no propagator of anybody's finds it there, and :func:`headers_for` gives it to hosts only that are configured as own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from opentelemetry.baggage import get_all, set_baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, get_current
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from spanledger import environment
from spanledger.attributes import IDENTITY
from spanledger.guard import guarded
from spanledger.identity import Identity, current_identity, with_identity
from spanledger.scope import Entry, Scope
from spanledger.values import text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping

__all__ = [
    "AsgiMiddleware",
    "WsgiMiddleware",
    "headers_for",
    "headers_for_host",
    "is_own",
    "own_hosts",
    "received",
]

LONGEST_VALUE: Final = 512
"""Characters of one part of the identity that are told on; a longer one is not."""

_BAGGAGE: Final = W3CBaggagePropagator()
_TRACE: Final = TraceContextTextMapPropagator()
_OWN: Final[set[str]] = set()


def own_hosts(hosts: Iterable[str] | None = None) -> frozenset[str]:
    """The hosts that may know on whose behalf they are asked.

    Args:
        hosts: Takes these from now on: names, addresses, or ``.example.com`` for a domain and all below it, without
            ports. None leaves them as they are; at first they are those of ``SPANLEDGER_OWN_HOSTS``.
    """
    if hosts is not None:
        _OWN.clear()
        _OWN.update(host.strip().lower().rstrip(".") for host in hosts if host.strip())
    return frozenset(_OWN)


def is_own(url: str) -> bool:
    """Whether the address is that of an own service, and so may be told on whose behalf it is asked; never raises."""
    with guarded("propagation.is_own"):
        return _is_own_host(urlsplit(url).hostname or "")
    return False


def headers_for(url: str) -> dict[str, str]:
    """The headers to add to a request: ``traceparent`` and ``baggage`` to an own service, none to anybody else.

    Requests of httpx and httpx2 clients have them without a call of this.

    Args:
        url: Where the request goes.
    """
    return _told() if is_own(url) else {}


def headers_for_host(host: str) -> dict[str, str]:
    """The same as :func:`headers_for`, where the host is known already.

    Args:
        host: Name or address that the client connects to, without port or brackets.
    """
    with guarded("propagation.is_own"):
        return _told() if _is_own_host(host) else {}
    return {}


def _is_own_host(host: str) -> bool:
    if not _OWN or not host:
        return False
    plain = host.lower().rstrip(".")
    return any(plain == own or (own.startswith(".") and (plain.endswith(own) or plain == own[1:])) for own in _OWN)


def _told() -> dict[str, str]:
    """Trace and identity of now, as headers."""
    headers: dict[str, str] = {}
    with guarded("propagation.headers"):
        _TRACE.inject(headers)
        told = Context()
        for name, value in current_identity().attributes.items():
            if len(value) <= LONGEST_VALUE:
                told = set_baggage(name, value, told)
        _BAGGAGE.inject(headers, told)
    return headers


class received(Scope[Identity]):  # noqa: N801 - reads as a statement: with received(headers): ...
    """Work on behalf of whoever sent the request, as part of its execution and trace.

    ``as`` binds the identity. What the headers do not say stays as it is. Only for requests of own services: whoever
    can send these headers can say who pays.

    Args:
        headers: The request's headers, of any capitals; a value may be a list of strings.
    """

    def __init__(self, headers: Mapping[str, Any]) -> None:
        super().__init__()
        self._headers = headers

    def begin(self) -> Entry[Identity]:
        """Take the identity and the remote parent from the headers."""
        with guarded("propagation.received"):
            headers = {str(name).lower(): value for name, value in self._headers.items()}
            told = get_all(_BAGGAGE.extract(headers, Context()))
            known = {name: text(told[name]) for name in IDENTITY if name in told}
            if not known and "traceparent" not in headers:
                return Entry(current_identity())
            identity = Identity(*(known.get(name) for name in IDENTITY)) if known else current_identity()
            return Entry(identity, with_identity(identity, _TRACE.extract(headers, get_current())))
        return Entry(current_identity())


class AsgiMiddleware:
    """Puts an ASGI application's requests under the identity in their headers.

    Args:
        app: The application.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's callables
        """Serve one connection."""
        headers: dict[str, str] = {}
        with guarded("propagation.asgi"):
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", ())}
        async with received(headers):
            await self._app(scope, receive, send)


class WsgiMiddleware:
    """Puts a WSGI application's requests under the identity in their headers, the body's iteration too.

    Args:
        app: The application.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        headers = {
            name[len("HTTP_") :].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        scope = received(headers)
        with scope:
            body = self._app(environ, start_response)
        return _Body(body, scope)


class _Body:
    """A response body that is iterated inside the request's identity.

    Args:
        body: What the application returned.
        scope: The request's.
    """

    def __init__(self, body: Iterable[bytes], scope: received) -> None:
        self._body = body
        self._parts = iter(body)
        self._entry = scope.begin()

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        with self._entry.active():
            return next(self._parts)

    def close(self) -> None:
        """Close the application's body, as WSGI asks."""
        close = getattr(self._body, "close", None)
        if close is not None:
            with self._entry.active():
                close()


own_hosts(os.environ.get(environment.OWN_HOSTS, "").split(","))

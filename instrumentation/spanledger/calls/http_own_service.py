"""Requests of httpx or httpx2 to own services: the official instrumentation's client span, and the identity in headers.

OpenTelemetry's instrumentation of both libraries traces a request and tells the trace on. It cannot tell hosts apart,
so its transport is put around the client's own one for requests to own services only: nobody else ever gets a header.

Clients build the request of a redirect from the headers of the one before, wherever it leads; so the headers go again
as soon as the answer has come, and the next hop gets its own, or none.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from spanledger.guard import guarded
from spanledger.propagation import headers_for_host

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["OwnServiceRequest", "traced_transport"]

_TRACE_HEADERS: Final = frozenset({"traceparent", "tracestate"})
_TRACED: ContextVar[bool] = ContextVar("spanledger_own_service", default=False)


class OwnServiceRequest:
    """For as long as the block runs, a request to an own service has ``traceparent`` and ``baggage``.

    The caller's own headers win: his baggage is left as it is, and with a trace of his own there is no span of ours. A
    request to anybody else is not touched. Never raises.

    Args:
        request: A request of httpx or httpx2.
    """

    def __init__(self, request: Any) -> None:  # noqa: ANN401 - of either library
        self._request = request
        self._before: Any = None
        self._traced: Token[bool] | None = None

    def __enter__(self) -> None:
        """Add what the caller has not set himself."""
        with guarded("http.identity"):
            request = self._request
            told = headers_for_host(request.url.host)
            if not told:
                return
            has_trace = "traceparent" in request.headers
            headers = request.headers.copy()
            for name, value in told.items():
                if name not in request.headers and not (has_trace and name in _TRACE_HEADERS):
                    headers[name] = value
            self._before, request.headers = request.headers, headers
            self._traced = _TRACED.set(not has_trace)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the request back the headers that the caller made it with."""
        with guarded("http.identity_end"):
            if self._before is not None:
                self._request.headers = self._before
            if self._traced is not None:
                _TRACED.reset(self._traced)


def traced_transport(transport: Any, official: str) -> Any:  # noqa: ANN401 - of either library
    """The client's transport, inside the official one while a request to an own service is sent.

    Args:
        transport: What the client would send with.
        official: Name of the official transport for this kind of client.
    """
    if _TRACED.get():
        with guarded("http.own_service"):
            kind = _official_transport(official)
            return transport if kind is None else kind(transport)
    return transport


@cache
def _official_transport(name: str) -> Callable[[object], object] | None:
    """The official transport; None where the instrumentation is not installed.

    Looked up at the first request: it imports both libraries, and importing either of them may have brought us here.
    """
    try:
        module = import_module("opentelemetry.instrumentation.httpx")
    except ImportError:
        return None
    kind: Callable[[object], object] | None = getattr(module, name, None)
    return kind

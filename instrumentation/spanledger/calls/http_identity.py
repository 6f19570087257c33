"""The headers that tell an own service on whose behalf it is asked, on a request of httpx or httpx2 while it is sent.

Clients build the request of a redirect from the headers of the one before, wherever it leads; so the headers go again
as soon as the answer has come, and the next hop gets its own, or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spanledger.guard import guarded
from spanledger.propagation import headers_for_host

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["OwnServiceHeaders"]

_TRACE_HEADERS: Final = frozenset({"traceparent", "tracestate"})


class OwnServiceHeaders:
    """For as long as the block runs, a request to an own service has ``traceparent`` and ``baggage``.

    The caller's own headers win: his baggage is left as it is, and so is his trace. A request to anybody else is not
    touched. Never raises.

    Args:
        request: A request of httpx or httpx2.
    """

    def __init__(self, request: Any) -> None:  # noqa: ANN401 - of either library
        self._request = request
        self._added: dict[str, str] = {}

    def __enter__(self) -> None:
        """Add what the caller has not set himself."""
        with guarded("http.identity"):
            request = self._request
            told = headers_for_host(request.url.host)
            has_trace = "traceparent" in request.headers
            for name, value in told.items():
                if name in request.headers or (has_trace and name in _TRACE_HEADERS):
                    continue
                self._added[name] = value
                request.headers[name] = value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take away what was added, unless somebody has put something else there since."""
        for name, value in self._added.items():
            with guarded("http.identity_end"):
                if self._request.headers.get(name) == value:
                    del self._request.headers[name]

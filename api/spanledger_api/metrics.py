"""The API's own counters, kept apart from those of whatever process it runs in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS: Final = "spanledger_api_requests"
"""Counter of answered requests, by method, route template and status (``_total`` is added on exposition)."""

REQUEST_SECONDS: Final = "spanledger_api_request_seconds"
"""Histogram of the seconds until the last byte of an answer, by method and route template."""

_UNMATCHED = "unmatched"  # one label for every path that is none, so that a scanner cannot grow the registry


class Metrics:
    """The counters of one app.

    Attributes:
        registry: Where they are kept; other parts of the process may add theirs.
        media_type: Content type of :meth:`exposition`.
    """

    media_type: Final = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._others: list[CollectorRegistry] = []
        self._requests = Counter(REQUESTS, "Answered requests.", ("method", "route", "status"), registry=self.registry)
        self._seconds = Histogram(
            REQUEST_SECONDS, "Seconds until an answer was sent.", ("method", "route"), registry=self.registry
        )

    def include(self, registry: CollectorRegistry) -> None:
        """Show what is counted elsewhere as well."""
        self._others.append(registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def exposition(self) -> bytes:
        """Every counter as Prometheus text."""
        return b"".join(generate_latest(registry) for registry in (self.registry, *self._others))


class MetricsMiddleware:
    """Counts each HTTP request of the app that it wraps."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer; an answer that never began counts as 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_status)
        finally:
            route = getattr(scope.get("route"), "path_format", _UNMATCHED)
            self._metrics.observe(scope["method"], route, status, time.perf_counter() - started)

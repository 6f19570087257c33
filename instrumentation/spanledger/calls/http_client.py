"""The clients of httpx and httpx2, which have the same shape: a meter for paid hosts, the identity for own ones.

The meter sits where the client sends a single request, so every hop of a redirect has its own, with any transport.
Requests to own services go through the official instrumentation of httpx; those to paid hosts do not, since it would
add headers to them, and it ends its span before the body has come.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from spanledger.calls.cloudflare_stream import StreamCall
from spanledger.calls.cloudfront import Download
from spanledger.calls.http_bodies import meter_body
from spanledger.calls.http_own_service import OwnServiceRequest, traced_transport
from spanledger.calls.http_targets import is_cloudflare_stream, is_cloudfront
from spanledger.calls.patching import Patch
from spanledger.endings import telling
from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import ModuleType

__all__ = ["HttpLibrary"]

_Meter: TypeAlias = Download | StreamCall


class _Url(Protocol):
    @property
    def netloc(self) -> bytes:
        """Host, with the port if it is not the default one."""
        raise NotImplementedError

    @property
    def path(self) -> str:
        """The path without query, unquoted."""
        raise NotImplementedError


class _Request(Protocol):
    @property
    def method(self) -> str:
        """The method in capitals."""
        raise NotImplementedError

    @property
    def url(self) -> _Url:
        """What is asked for."""
        raise NotImplementedError


class HttpLibrary:
    """One of the two libraries.

    Args:
        library: The module ``httpx`` or ``httpx2``.
        official_suffix: What the names of the official transports for it end in.
    """

    def __init__(self, library: ModuleType, official_suffix: str) -> None:
        self._bases: tuple[type, type] = (library.SyncByteStream, library.AsyncByteStream)
        self._patches = (
            Patch(library.Client, "_send_single_request", self._send),
            Patch(library.AsyncClient, "_send_single_request", self._send_async),
            Patch(library.Client, "_transport_for_url", _tracing(f"SyncOpenTelemetryTransport{official_suffix}")),
            Patch(library.AsyncClient, "_transport_for_url", _tracing(f"AsyncOpenTelemetryTransport{official_suffix}")),
        )

    def instrument(self) -> None:
        """Meter every client of the library; a second call does nothing."""
        for patch in self._patches:
            patch.apply()

    def uninstrument(self) -> None:
        """Meter no client of the library any more."""
        for patch in self._patches:
            patch.remove()

    def _send(self, original: Callable[..., Any], client: object, request: _Request) -> object:
        meter = _meter_for(request)
        if meter is None:
            with OwnServiceRequest(request):
                return original(client, request)
        with telling(partial(_failed, meter)), OwnServiceRequest(request):
            response = original(client, request)
        self._answered(meter, response)
        return response

    async def _send_async(self, original: Callable[..., Awaitable[Any]], client: object, request: _Request) -> object:
        meter = _meter_for(request)
        if meter is None:
            with OwnServiceRequest(request):
                return await original(client, request)
        with telling(partial(_failed, meter)), OwnServiceRequest(request):
            response = await original(client, request)
        self._answered(meter, response)
        return response

    @guarded("http.response")
    def _answered(self, meter: _Meter, response: Any) -> None:  # noqa: ANN401 - of either library
        meter.answered(response)
        meter_body(response, meter, self._bases)


def _tracing(official: str) -> Callable[..., object]:
    """A wrapper of the method that chooses a client's transport."""

    def choose(original: Callable[..., object], client: object, url: object) -> object:
        return traced_transport(original(client, url), official)

    return choose


@guarded("http.request")
def _meter_for(request: _Request) -> _Meter | None:
    """The meter of a request to a paid host; None for any other request."""
    url = request.url
    host = url.netloc.decode("ascii", "replace")
    path = url.path
    if is_cloudflare_stream(host, path):
        return StreamCall(request.method, path)
    return Download(request.method, host, path) if is_cloudfront(host) else None


@guarded("http.failure")
def _failed(meter: _Meter, error: BaseException | None) -> None:
    if error is not None:
        meter.ended(error, complete=False)

"""CloudFront: each download is a cost record with the bytes of body that came over the wire, compressed as they came.

CloudFront charges for what it delivers, whatever the status and whether or not the caller reads to the end. What came
before a download broke is charged; a request that brought no body costs nothing and is no record. Queries are not
kept: they carry the signatures of signed URLs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from spanledger.attributes import COST_METADATA_PREFIX, COST_OPERATION, COST_SERVICE, COST_USAGE_PREFIX
from spanledger.clock import now_ns
from spanledger.values import metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from spanledger.values import Attribute

__all__ = ["Download"]

_TRACER = trace.get_tracer("spanledger.cloudfront", __version__)


class Download:
    """One request and the body that answers it.

    Args:
        method: The request's method.
        host: The host asked.
        path: The path asked for, without query.
    """

    def __init__(self, method: str, host: str, path: str) -> None:
        self._span = _TRACER.start_span(f"CloudFront.{method}", kind=SpanKind.CLIENT)
        self._metadata: dict[str, object] = {"host": host, "path": path}
        self._bytes = 0
        self._last_at: int | None = None
        self._process = os.getpid()

    def answered(self, response: Any) -> None:  # noqa: ANN401 - of either library
        """The head of the response is there."""
        self._metadata["status"] = response.status_code

    def received(self, chunk: bytes) -> None:
        """Count a piece of the body."""
        self._bytes += len(chunk)
        self._last_at = now_ns()

    def ended(self, error: BaseException | None, *, complete: bool) -> None:
        """End the span, as a cost record if any of the body came."""
        # A forked child that drops its copy of a body says nothing of it: the call is its parent's.
        if os.getpid() != self._process or not self._span.is_recording():
            return
        said: dict[str, object] = {"bytes": self._bytes, "complete": complete}
        charged: dict[str, Attribute] = metadata_attributes(COST_METADATA_PREFIX, self._metadata | said)
        if self._bytes:
            charged |= {
                COST_SERVICE: "cloudfront",
                COST_OPERATION: "download",
                f"{COST_USAGE_PREFIX}bytes": self._bytes,
            }
        self._span.set_attributes(charged)
        if error is not None:
            self._span.set_status(StatusCode.ERROR, text(f"{type(error).__name__}: {error}"))
        self._span.end(self._last_at)

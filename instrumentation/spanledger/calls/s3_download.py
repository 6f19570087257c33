"""What is read from S3: a span for each ``GetObject``, from the request until its body is read, closed or dropped.

The span says how many bytes the caller has pulled over the wire, however it read them. The built-in price book has no
price for reading from S3, and a record without a price would weigh on the share of unpriced records with every read. A
download is therefore a cost record only where the price file in use has a row for the service with the meter
``download_bytes``; without one its bytes, bucket and key stay on the span as metadata.
"""

from __future__ import annotations

import os
import weakref
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from spanledger import configuration
from spanledger.attributes import COST_METADATA_PREFIX, COST_OPERATION, COST_SERVICE, COST_USAGE_PREFIX
from spanledger.calls.s3_storage import remember_size, requests_made
from spanledger.clock import now, now_ns
from spanledger.endings import telling
from spanledger.guard import guarded
from spanledger.pricing import CostSource, Usage
from spanledger.values import metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.response import StreamingBody

    from spanledger.values import Attribute

__all__ = ["DOWNLOAD_METER", "Download", "after_close", "after_read"]

_TRACER = trace.get_tracer("spanledger.s3", __version__)

DOWNLOAD_METER: Final = "download_bytes"
"""The meter that a price row must have for downloads to be charged."""

_TAG: Final = "_spanledger_download"


class Download:
    """One ``GetObject`` and the body it brings.

    Args:
        parameters: The call's parameters.
        provider: ``r2``; None for S3.
    """

    def __init__(self, parameters: Mapping[str, object], provider: str | None) -> None:
        self.parameters = parameters
        """What the call is to be made with."""
        self._provider = provider
        self._metadata: dict[str, object] = {
            "bucket": parameters.get("Bucket"),
            "key": parameters.get("Key"),
            "provider": provider,
        }
        self._raw: Any = None
        self._length: int | None = None
        self._bytes = 0
        self._last_at: int | None = None
        self._process = os.getpid()
        self._span = _TRACER.start_span("S3.GetObject", kind=SpanKind.CLIENT)

    def failed(self, error: BaseException) -> None:
        """End the span as failed; it costs nothing."""
        self._span.set_status(StatusCode.ERROR, text(f"{type(error).__name__}: {error}"))
        self._span.end()

    def succeeded(self, result: Mapping[str, Any]) -> None:
        """Watch the body from now on."""
        remember_size(result)
        self._metadata["requests"] = requests_made(result)
        self._length = result.get("ContentLength")
        body = result["Body"]
        self._raw = body._raw_stream  # noqa: SLF001 - the only one that counts what is read past the body's own methods
        setattr(body, _TAG, self)
        weakref.finalize(body, _dropped, self)

    def progressed(self) -> None:
        """The caller has read on."""
        self._last_at = now_ns()
        if self._count() == self._length:
            self.ended()

    def ended(self, error: BaseException | None = None) -> None:
        """End the span where the caller stopped reading; only the first call counts.

        Args:
            error: What reading failed with; None if it did not.
        """
        # A forked child that drops its copy of a body says nothing of it: the call is its parent's.
        if os.getpid() != self._process or not self._span.is_recording():
            return
        said = self._metadata | {"bytes": self._count()}
        self._span.set_attributes(metadata_attributes(COST_METADATA_PREFIX, said))
        if self._bytes and self._is_priced():
            charged: dict[str, Attribute] = {
                COST_SERVICE: "s3",
                COST_OPERATION: "download",
                f"{COST_USAGE_PREFIX}{DOWNLOAD_METER}": self._bytes,
            }
            self._span.set_attributes(charged)
        if error is not None:
            self._span.set_status(StatusCode.ERROR, text(f"{type(error).__name__}: {error}"))
        self._span.end(self._last_at)

    def _count(self) -> int:
        """Bytes pulled over the wire so far; a closed stream may no longer tell."""
        if not getattr(self._raw, "closed", False) or hasattr(self._raw, "release_conn"):
            self._bytes = int(self._raw.tell())
        return self._bytes

    def _is_priced(self) -> bool:
        """Whether the price book has a row for reading."""
        usage = Usage("s3", {DOWNLOAD_METER: Decimal(self._bytes)}, provider=self._provider)
        charge = configuration.current_calculator().charge(usage, at=now())
        return charge.source is not CostSource.UNPRICED


@guarded("s3.dropped")
def _dropped(download: Download) -> None:
    """Nobody has the body any more."""
    download.ended()


@guarded("s3.read")
def _has_read(download: Download, error: BaseException | None) -> None:
    """One reading is over."""
    if error is None:
        download.progressed()
    else:
        download.ended(error)


def after_read(original: Callable[..., Any], body: StreamingBody, *args: object, **kwargs: object) -> object:
    """Read from a body; what comes is the client's own."""
    download: Download | None = getattr(body, _TAG, None)
    if download is None:
        return original(body, *args, **kwargs)
    with telling(partial(_has_read, download)):
        return original(body, *args, **kwargs)


def after_close(original: Callable[..., Any], body: StreamingBody, *args: object, **kwargs: object) -> object:
    """Close a body."""
    try:
        return original(body, *args, **kwargs)
    finally:
        download: Download | None = getattr(body, _TAG, None)
        if download is not None:
            with guarded("s3.close"):
                download.ended()

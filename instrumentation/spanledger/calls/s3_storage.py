"""What is stored in S3: objects and parts that are uploaded or copied, each charged by its bytes once it is accepted.

A part is charged when the provider has accepted it, whatever becomes of the upload: it is kept, and paid for, until the
upload is completed or aborted, and history does not change when it is. A copy states no size; it is known where boto3's
``copy`` has asked for it, where a range was copied, and where this process has seen an object with the very ETag of the
copy. Any other copy is recorded as unpriced rather than by a request that the engine did not make.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.utils import determine_content_length
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from spanledger.attributes import (
    COST_METADATA_PREFIX,
    COST_OPERATION,
    COST_REASON,
    COST_SERVICE,
    COST_SOURCE,
    COST_USAGE_PREFIX,
)
from spanledger.guard import guarded
from spanledger.pricing import CostSource
from spanledger.values import metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger.values import Attribute

__all__ = ["COPIED_BYTES", "STORING", "Storing", "forget_sizes", "remember_size", "requests_made"]

_TRACER = trace.get_tracer("spanledger.s3", __version__)

STORING: Final = {"PutObject": "upload", "UploadPart": "upload", "CopyObject": "copy", "UploadPartCopy": "copy"}
"""Calls of S3 that store bytes, and the operation that their records name."""

COPIED_BYTES: ContextVar[int | None] = ContextVar("spanledger-copied-bytes", default=None)
"""Bytes of the object that a transfer is about to copy; None where they are not known."""

REMEMBERED_SIZES: Final = 4_096
"""ETags whose sizes are kept; beyond that the oldest is forgotten."""

_RANGE: Final = re.compile(r"bytes=(\d+)-(\d+)")
_SIZES: OrderedDict[str, int] = OrderedDict()
_SIZES_LOCK: Final = threading.Lock()


class Storing:
    """One call that stores an object or a part of one.

    Args:
        operation: A key of :data:`STORING`.
        parameters: The call's parameters.
        provider: ``r2``; None for S3.
    """

    def __init__(self, operation: str, parameters: Mapping[str, object], provider: str | None) -> None:
        self.parameters = parameters
        """What the call is to be made with: the given parameters, with the body counted where only that tells."""
        self._operation = STORING[operation]
        self._size = _copied_range(parameters) if self._operation == "copy" else _body_size(parameters)
        self._counted: _CountedBody | None = None
        if self._size is None and self._operation == "upload" and hasattr(parameters.get("Body"), "read"):
            self._counted = _CountedBody(parameters["Body"])
            self.parameters = {**parameters, "Body": self._counted}
        self._metadata: dict[str, object] = {
            "bucket": parameters.get("Bucket"),
            "key": parameters.get("Key"),
            "part": parameters.get("PartNumber"),
            "provider": provider,
        }
        self._span = _TRACER.start_span(f"S3.{operation}", kind=SpanKind.CLIENT)

    def failed(self, error: BaseException) -> None:
        """End the span as failed; it costs nothing."""
        self._span.set_status(StatusCode.ERROR, text(f"{type(error).__name__}: {error}"))
        self._span.end()

    def succeeded(self, result: Mapping[str, Any]) -> None:
        """End the span as a cost record."""
        size = self._size if self._counted is None else self._counted.bytes_read
        if self._operation == "copy":
            size = _copied_size(result) if size is None else size
        elif size is not None:
            _remember(result.get("ETag"), size)
        said = self._metadata | {"bytes": size, "requests": requests_made(result)}
        charged: dict[str, Attribute] = {
            **metadata_attributes(COST_METADATA_PREFIX, said),
            COST_SERVICE: "s3",
            COST_OPERATION: self._operation,
        }
        if size is None:
            what = "copy" if self._operation == "copy" else "body"
            charged |= {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: f"the size of the {what} is not known"}
        else:
            charged[f"{COST_USAGE_PREFIX}bytes"] = size
        self._span.set_attributes(charged)
        self._span.end()


class _CountedBody:
    """A body that cannot tell its length beforehand, counted while the client reads it.

    Args:
        body: The caller's object, to which everything is passed on.
    """

    def __init__(self, body: Any) -> None:  # noqa: ANN401 - whatever can be read
        self._body = body
        self.bytes_read = 0

    def read(self, *args: object) -> bytes:
        """Read on."""
        chunk: bytes = self._body.read(*args)
        self.bytes_read += len(chunk)
        return chunk

    def __getattr__(self, name: str) -> object:
        """Whatever else the caller's object has."""
        return getattr(self._body, name)


def requests_made(result: Mapping[str, Any]) -> int:
    """How many requests a call took, the repeated ones included."""
    return 1 + int(result.get("ResponseMetadata", {}).get("RetryAttempts", 0))


@guarded("s3.remember_size")
def remember_size(result: Mapping[str, Any]) -> None:
    """Keep the size of a whole object that a call has told of, under its ETag."""
    if "ContentRange" not in result:
        _remember(result.get("ETag"), result.get("ContentLength"))


def forget_sizes() -> None:
    """Know no sizes any more, as a process that has just begun."""
    with _SIZES_LOCK:
        _SIZES.clear()


def _remember(etag: object, size: object) -> None:
    if isinstance(etag, str) and isinstance(size, int):
        with _SIZES_LOCK:
            _SIZES[etag] = size
            if len(_SIZES) > REMEMBERED_SIZES:
                _SIZES.popitem(last=False)


def _copied_size(result: Mapping[str, Any]) -> int | None:
    """Bytes of a copied object, as the transfer knows them or by its ETag; None if neither tells."""
    told = COPIED_BYTES.get()
    if told is not None:
        return told
    copied = cast("Mapping[str, object]", result.get("CopyObjectResult") or result.get("CopyPartResult") or {})
    with _SIZES_LOCK:
        return _SIZES.get(str(copied.get("ETag")))


def _copied_range(parameters: Mapping[str, object]) -> int | None:
    """Bytes of the range of the source that is copied; None if none is stated."""
    match = _RANGE.fullmatch(str(parameters.get("CopySourceRange", "")))
    return int(match[2]) - int(match[1]) + 1 if match else None


def _body_size(parameters: Mapping[str, object]) -> int | None:
    """Bytes of the body from where it stands, measured as botocore does; None if it cannot be told beforehand."""
    stated = parameters.get("ContentLength")
    if isinstance(stated, int):
        return stated
    body = parameters.get("Body", b"")
    if isinstance(body, str):
        return len(body.encode())
    with guarded("s3.body_size"):
        return determine_content_length(body)
    return None

"""S3 and R2 through botocore: each object or part that was uploaded is a cost record with its bytes.

boto3 sends every ``upload_file``, however small, from the threads of s3transfer. The OpenTelemetry context of the
caller goes along, so that the upload belongs to the caller's execution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore.client import BaseClient
from botocore.utils import determine_content_length
from opentelemetry import trace
from opentelemetry.context import attach, detach, get_current
from opentelemetry.trace import Span, SpanKind, StatusCode

from spanledger.attributes import (
    COST_METADATA_PREFIX,
    COST_OPERATION,
    COST_REASON,
    COST_SERVICE,
    COST_SOURCE,
    COST_USAGE_PREFIX,
)
from spanledger.calls.patching import Patch
from spanledger.guard import guarded
from spanledger.pricing import CostSource
from spanledger.values import metadata_attributes, text
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spanledger.values import Attribute

__all__ = ["instrument", "uninstrument"]

_TRACER = trace.get_tracer("spanledger.s3", __version__)

UPLOADS: Final = frozenset({"PutObject", "UploadPart"})
"""Operations of S3 that carry a body to be stored."""

R2_HOST: Final = ".r2.cloudflarestorage.com"
"""Cloudflare's R2 speaks S3 under this domain."""

_TASK_CONTEXT: Final = "_spanledger_context"


def instrument() -> None:
    """Meter the uploads of every botocore client of the process; a second call does nothing."""
    for patch in _PATCHES:
        patch.apply()


def uninstrument() -> None:
    """Meter no upload any more."""
    for patch in _PATCHES:
        patch.remove()


def _make_api_call(
    original: Callable[..., Any], client: BaseClient, operation_name: str, api_params: Mapping[str, object]
) -> object:
    """Make the call, inside a span if it is an upload; result and exception are the client's own."""
    upload = _start(client, operation_name, api_params)
    if upload is None:
        return original(client, operation_name, api_params)
    span, charged = upload
    try:
        result = original(client, operation_name, api_params)
    except BaseException as error:
        with guarded("s3.failure"):
            span.set_status(StatusCode.ERROR, text(f"{type(error).__name__}: {error}"))
            span.end()
        raise
    with guarded("s3.success"):
        span.set_attributes(charged)
        span.end()
    return result


@guarded("s3.request")
def _start(
    client: BaseClient, operation: str, parameters: Mapping[str, object]
) -> tuple[Span, dict[str, Attribute]] | None:
    """Start the span of an upload, with the attributes to charge it by once it succeeds; None for any other call."""
    if operation not in UPLOADS or client.meta.service_model.service_name != "s3":
        return None
    size = _body_size(parameters)
    metadata = {
        "bucket": parameters.get("Bucket"),
        "key": parameters.get("Key"),
        "bytes": size,
        "part": parameters.get("PartNumber"),
        "provider": "r2" if (urlsplit(client.meta.endpoint_url).hostname or "").endswith(R2_HOST) else None,
    }
    charged: dict[str, Attribute] = {
        **metadata_attributes(COST_METADATA_PREFIX, metadata),
        COST_SERVICE: "s3",
        COST_OPERATION: "upload",
    }
    if size is None:
        charged |= {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: "the size of the body is not known"}
    else:
        charged[f"{COST_USAGE_PREFIX}bytes"] = size
    return _TRACER.start_span(f"S3.{operation}", kind=SpanKind.CLIENT), charged


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


def _remember_context(original: Callable[..., Any], task: object, *args: object, **kwargs: object) -> None:
    original(task, *args, **kwargs)
    with guarded("s3.remember_context"):
        setattr(task, _TASK_CONTEXT, get_current())


def _run_in_context(original: Callable[..., Any], task: object, *args: object, **kwargs: object) -> object:
    """Run a task of s3transfer in the context of the thread that made it."""
    context = getattr(task, _TASK_CONTEXT, None)
    if context is None:
        return original(task, *args, **kwargs)
    token = attach(context)
    try:
        return original(task, *args, **kwargs)
    finally:
        detach(token)


def _patches() -> tuple[Patch, ...]:
    """What to replace; s3transfer comes with boto3, and botocore works without it."""
    try:
        from s3transfer.tasks import Task  # noqa: PLC0415 - absent where only botocore is installed
    except ModuleNotFoundError:
        return (Patch(BaseClient, "_make_api_call", _make_api_call),)
    return (
        Patch(BaseClient, "_make_api_call", _make_api_call),
        Patch(Task, "__init__", _remember_context),
        Patch(Task, "__call__", _run_in_context),
    )


_PATCHES: Final = _patches()

"""S3 and R2 through botocore: what is stored there, copied there and read from there, with the caller's identity.

Wrapped is the one method through which every call of every client goes, so boto3's transfers, which make theirs in
threads of s3transfer, are metered as well. Retries happen inside that method: a call is one record, and says in its
metadata how many requests it took. Calls that fail cost nothing. Transfers by the AWS CRT, which boto3 makes only where
``awscrt`` is installed and chosen, go past botocore and are not metered.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore.client import BaseClient
from botocore.response import StreamingBody

from spanledger.calls.patching import Patch
from spanledger.calls.s3_download import Download, after_close, after_read
from spanledger.calls.s3_storage import STORING, Storing, remember_size
from spanledger.endings import telling
from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["instrument", "uninstrument"]

R2_HOST: Final = ".r2.cloudflarestorage.com"
"""Cloudflare's R2 speaks S3 under this domain."""


def instrument() -> None:
    """Meter every botocore client of the process; a second call does nothing."""
    for patch in _PATCHES:
        patch.apply()


def uninstrument() -> None:
    """Meter no botocore client any more."""
    for patch in _PATCHES:
        patch.remove()


def _make_api_call(
    original: Callable[..., Any], client: BaseClient, operation_name: str, api_params: Mapping[str, object]
) -> object:
    """Make the call, inside a span if it stores or reads an object; result and exception are the client's own."""
    call = _begin(client, operation_name, api_params)
    if call is None:
        result = original(client, operation_name, api_params)
        if operation_name == "HeadObject":
            remember_size(result)
        return result
    with telling(partial(_failed, call)):
        result = original(client, operation_name, call.parameters)
    with guarded("s3.success"):
        call.succeeded(result)
    return result


@guarded("s3.failure")
def _failed(call: Storing | Download, error: BaseException | None) -> None:
    if error is not None:
        call.failed(error)


@guarded("s3.request")
def _begin(client: BaseClient, operation: str, parameters: Mapping[str, object]) -> Storing | Download | None:
    """Start the span of a call that stores or reads an object; None for any other call."""
    if (operation not in STORING and operation != "GetObject") or client.meta.service_model.service_name != "s3":
        return None
    provider = "r2" if (urlsplit(client.meta.endpoint_url).hostname or "").endswith(R2_HOST) else None
    if operation == "GetObject":
        return Download(parameters, provider)
    return Storing(operation, parameters, provider)


def _patches() -> tuple[Patch, ...]:
    """What to replace; s3transfer comes with boto3, and botocore works without it."""
    own = (
        Patch(BaseClient, "_make_api_call", _make_api_call),
        *(Patch(StreamingBody, name, after_read) for name in ("read", "readinto", "readlines")),
        *(Patch(StreamingBody, name, after_close) for name in ("close", "__exit__")),
    )
    try:
        from spanledger.calls.s3_threads import THREAD_PATCHES  # noqa: PLC0415 - imports s3transfer
    except ModuleNotFoundError:
        return own
    return (*own, *THREAD_PATCHES)


_PATCHES: Final = _patches()

"""boto3's transfers: each of their tasks runs for whom the transfer was started.

boto3 makes every call of ``upload_file``, ``download_file``, ``copy`` and their like, however small, in the threads of
s3transfer. The OpenTelemetry context of the thread that makes a task goes along with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import attach, detach, get_current
from s3transfer.copies import CopyObjectTask
from s3transfer.tasks import Task

from spanledger.calls.patching import Patch
from spanledger.calls.s3_storage import COPIED_BYTES
from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["THREAD_PATCHES"]

_TASK_CONTEXT: Final = "_spanledger_context"


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


def _tell_size(original: Callable[..., Any], task: object, *args: object, **kwargs: object) -> object:
    """Copy an object, having told how long it is: the answer to the copy does not say."""
    size = kwargs.get("size")
    token = COPIED_BYTES.set(size if isinstance(size, int) else None)
    try:
        return original(task, *args, **kwargs)
    finally:
        COPIED_BYTES.reset(token)


THREAD_PATCHES: Final = (
    Patch(Task, "__init__", _remember_context),
    Patch(Task, "__call__", _run_in_context),
    Patch(CopyObjectTask, "_main", _tell_size),
)
"""What to replace in s3transfer."""

"""Identity goes along into threads: those that are started inside an execution, and work handed to an executor.

A pool's thread outlives the call that started it. It is therefore started with no identity of its own, and each piece
of work runs in the context that it was submitted in.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context as Variables
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import attach, detach, get_current

from spanledger.calls.patching import Patch
from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

__all__ = ["carry_into_threads"]


def carry_into_threads() -> None:
    """Carry the OpenTelemetry context into every thread and executor of the process; a second call does nothing."""
    for patch in _PATCHES:
        with guarded("threads.patch"):
            patch.apply()


def _start(original: Callable[..., Any], thread: threading.Thread) -> object:
    with guarded("threads.start"):
        context = get_current()
        if context:
            # On the instance, so that a subclass's own run() is meant too.
            thread.run = partial(_run, thread, thread.run, context)  # type: ignore[method-assign]
    return original(thread)


def _run(thread: threading.Thread, run: Callable[[], None], context: Context) -> None:
    with guarded("threads.run"):
        del thread.run  # the cycle, and the context, end here
        attach(context)  # for good: the thread ends with its run
    run()


def _submit(
    original: Callable[..., Any], executor: object, function: Callable[..., Any], /, *args: object, **kwargs: object
) -> object:
    context = get_current()
    if not context:
        return original(executor, function, *args, **kwargs)
    return Variables().run(original, executor, partial(_in_context, context, function), *args, **kwargs)


def _in_context(context: Context, function: Callable[..., Any], /, *args: object, **kwargs: object) -> object:
    token = attach(context)
    try:
        return function(*args, **kwargs)
    finally:
        detach(token)


_PATCHES: Final = (
    Patch(threading.Thread, "start", _start),
    Patch(ThreadPoolExecutor, "submit", _submit),
)

"""No span is lost because the process ends: at exit, on SIGTERM, and in children of ``multiprocessing``."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from spanledger.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["before_process_ends", "bounded"]

SIGNAL_SECONDS: Final = 5.0
"""Seconds that SIGTERM may be held up by a collector that does not answer."""

_INSTALLED = threading.Event()


def before_process_ends(flush: Callable[[], object], shutdown: Callable[[], object]) -> None:
    """Have spans delivered before the process ends; only the first call in a process has an effect.

    The SIGTERM handler that is there is called afterwards; where there is none, the process ends by the signal as it
    would have. Outside the main thread no signal handler can be set, and SIGTERM is left alone.

    Args:
        flush: Delivers what is queued, in any thread.
        shutdown: Delivers what is queued and stops; called at a regular exit.
    """
    if _INSTALLED.is_set():
        return
    _INSTALLED.set()
    atexit.register(shutdown)
    with guarded("process_exit.multiprocessing"):
        _before_children_end(flush)
    with guarded("process_exit.signal"):
        if threading.current_thread() is threading.main_thread():
            previous = signal.getsignal(signal.SIGTERM)
            signal.signal(signal.SIGTERM, partial(_on_sigterm, flush, previous))


def bounded(work: Callable[[], object], seconds: float) -> bool:
    """Do the work in a thread of its own and wait for it; False if it failed, said False or is not done in time.

    A signal handler may interrupt the very code whose lock the work needs; a thread of its own only waits.

    Args:
        work: What to do.
        seconds: How long to wait at most.
    """
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(work()), name="spanledger-flush", daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(results and results[0])


def _on_sigterm(
    flush: Callable[[], object],
    previous: Callable[[int, FrameType | None], object] | int | None,
    number: int,
    frame: FrameType | None,
) -> None:
    with guarded("process_exit.sigterm"):
        bounded(flush, SIGNAL_SECONDS)
    if callable(previous):
        previous(number, frame)
    elif previous == signal.SIG_DFL:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _before_children_end(flush: Callable[[], object]) -> None:
    """Flush in children of ``multiprocessing`` too, which end without running ``atexit``."""
    from multiprocessing import util  # noqa: PLC0415 - only a configured engine needs it

    def in_child(_: object) -> None:
        util.Finalize(None, flush, exitpriority=0)

    util.register_after_fork(before_process_ends, in_child)

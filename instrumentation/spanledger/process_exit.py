"""No span is lost because the process ends: at exit, by a signal, by ``os._exit``, and in children.

What a collector does not take in time is left in the spool, for whichever process comes next.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from spanledger.guard import guarded
from spanledger.open_blocks import TerminatedError, end_open_blocks
from spanledger.processor import exit_seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["before_process_ends"]

HURRIED_SECONDS: Final = 1.0
"""How long ``os._exit`` and a signal handler of the engine's wait; they are meant to act at once."""

ENDING_SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))

_INSTALLED = threading.Event()


def before_process_ends(secure: Callable[[float], object], shutdown: Callable[[], object]) -> None:
    """Have spans delivered or spooled before the process ends; only the first call in a process has an effect.

    A signal handler that is there is called afterwards; where there is none, the process ends by the signal as it
    would have, its open executions as failed. An ignored signal is left alone. Outside the main thread no handler can
    be set, and signals are left alone too.

    Args:
        secure: Delivers what is queued, or spools it, within so many seconds.
        shutdown: Does the same and stops; called at a regular exit.
    """
    if _INSTALLED.is_set():
        return
    _INSTALLED.set()
    atexit.register(_at_exit, shutdown)
    with guarded("process_exit.hard"):
        os._exit = partial(_exit_at_once, secure, os._exit)
    with guarded("process_exit.multiprocessing"):
        _before_children_end(secure)
    with guarded("process_exit.signal"):
        if threading.current_thread() is threading.main_thread():
            for number in ENDING_SIGNALS:
                _on_signal(number, secure)


def _at_exit(shutdown: Callable[[], object]) -> None:
    """End what is left open, in daemon threads say, and shut down."""
    end_open_blocks(TerminatedError())
    shutdown()


def _exit_at_once(secure: Callable[[float], object], leave: Callable[[int], NoReturn], status: int) -> NoReturn:
    """``os._exit``, which runs nothing of what runs at an exit."""
    try:
        with guarded("process_exit.hard_exit"):
            end_open_blocks(TerminatedError() if status else None)
            secure(min(HURRIED_SECONDS, exit_seconds()))
    finally:
        leave(status)


def _on_signal(number: signal.Signals, secure: Callable[[float], object]) -> None:
    previous = signal.getsignal(number)
    if callable(previous):
        signal.signal(number, partial(_before_engines_handler, secure, previous))
    elif previous == signal.SIG_DFL:
        signal.signal(number, partial(_before_default, secure))


def _before_engines_handler(
    secure: Callable[[float], object],
    previous: Callable[[int, FrameType | None], object],
    number: int,
    frame: FrameType | None,
) -> None:
    with guarded("process_exit.handler"):
        secure(min(HURRIED_SECONDS, exit_seconds()))
    previous(number, frame)


def _before_default(secure: Callable[[float], object], number: int, frame: FrameType | None) -> None:
    del frame
    with guarded("process_exit.sigterm"):
        end_open_blocks(TerminatedError())
        secure(exit_seconds())
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _before_children_end(secure: Callable[[float], object]) -> None:
    """Do it in children of ``multiprocessing`` too, which end without running ``atexit``."""
    from multiprocessing import util  # noqa: PLC0415 - only a configured engine needs it

    def in_child(_: object) -> None:
        util.Finalize(None, lambda: secure(exit_seconds()), exitpriority=0)

    util.register_after_fork(before_process_ends, in_child)

"""Configuring a program from its environment, and making the whole of it one execution where that names one."""

from __future__ import annotations

import atexit
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from spanledger import environment
from spanledger.configuration import configure
from spanledger.context import execution
from spanledger.guard import guarded
from spanledger.identity import Identity, with_identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["start"]


def start() -> None:
    """Configure this process and take part in the execution that the environment names; never raises."""
    with guarded("autostart"):
        configure()
        named = Identity(
            user_id=os.environ.get(environment.USER_ID) or None,
            execution_id=os.environ.get(environment.EXECUTION_ID) or None,
            task_type=os.environ.get(environment.TASK_TYPE) or None,
        )
        if not named.attributes:
            return
        if os.environ.get(environment.ROOT_PROCESS) == str(os.getpid()):
            _Program(named).begin()
        else:
            from opentelemetry.context import attach  # noqa: PLC0415 - configured processes have it loaded

            attach(with_identity(named))


class _Program:
    """The execution that is the whole program; failed if the program ends with an error.

    Args:
        named: User, execution and task as the environment names them.
    """

    def __init__(self, named: Identity) -> None:
        self._scope = execution(named.task_type or "", user_id=named.user_id, execution_id=named.execution_id)
        self._error: BaseException | None = None

    def begin(self) -> None:
        """Enter the execution; it is left when the interpreter exits."""
        self._scope.__enter__()
        atexit.register(self._end)
        sys.excepthook = partial(self._note, sys.excepthook)
        sys.exit = partial(self._exit, sys.exit)

    def _note(
        self,
        show: Callable[[type[BaseException], BaseException, TracebackType | None], object],
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        self._error = error
        show(kind, error, trace)

    def _exit(self, leave: Callable[[str | int | None], NoReturn], code: str | int | None = None, /) -> NoReturn:
        if code not in (None, 0):
            self._error = SystemExit(code)
        leave(code)

    def _end(self) -> None:
        with guarded("autostart.end"):
            error = self._error
            self._scope.__exit__(None if error is None else type(error), error, None)

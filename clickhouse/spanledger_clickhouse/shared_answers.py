"""One answer for all who ask the same before anybody has begun to work it out."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from spanledger.endings import telling

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from contextlib import AbstractContextManager

__all__ = ["SharedAnswers"]

T = TypeVar("T")


class SharedAnswers(Generic[T]):
    """Shares what waits for its turn, and nothing that has begun: an answer is never older than its question.

    Args:
        turn: Waits for a turn on entry and gives it back on exit.
    """

    def __init__(self, turn: Callable[[], AbstractContextManager[None]]) -> None:
        self._turn = turn
        self._waiting: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many different questions wait for their turn."""
        with self._lock:
            return len(self._waiting)

    def ask(self, question: Hashable, work_out: Callable[[], T]) -> T:
        """Join those who wait with the same question, or wait for a turn and work the answer out for all of them.

        Args:
            question: Equal for questions with equal answers.
            work_out: Gives the answer; whoever is answered must not change it.

        Raises:
            Exception: What the turn or the work raised, for everybody who waited.
        """
        own: Future[T] = Future()
        with self._lock:
            answer = self._waiting.setdefault(question, own)
        if answer is own:
            with telling(lambda error: self._refuse(question, own, error)), self._turn():
                self._begin(question, own)
                own.set_result(work_out())
        return answer.result()

    def _refuse(self, question: Hashable, own: Future[T], error: BaseException | None) -> None:
        if error is not None:
            self._begin(question, own)
            own.set_exception(error)

    def _begin(self, question: Hashable, own: Future[T]) -> None:
        """From here on the same question is a new one."""
        with self._lock:
            if self._waiting.get(question) is own:
                del self._waiting[question]

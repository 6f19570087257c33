"""Answers that are kept until something was committed that may change them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Remembered"]

T = TypeVar("T")

_MOST: Final = 256
"""So many answers are kept for a ledger; those that were not asked for the longest go first."""


class Remembered(Generic[T]):
    """The latest answers of each ledger, by their questions.

    A question names what its answer depends on, the state of the ledger included; nothing else outdates an answer.
    """

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Ledger, OrderedDict[Hashable, T]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def ask(self, ledger: Ledger, question: Hashable, work_out: Callable[[], T]) -> T:
        """The answer that is kept, or else the one worked out now.

        Args:
            ledger: Which ledger is asked.
            question: Equal for questions with equal answers.
            work_out: Gives the answer; whoever is answered must not change it.

        Raises:
            Exception: What the work raised; nothing is kept then.
        """
        with self._lock:
            kept = self._kept.setdefault(ledger, OrderedDict())
            if question in kept:
                kept.move_to_end(question)
                return kept[question]
        answer = work_out()
        with self._lock:
            kept[question] = answer
            while len(kept) > _MOST:
                kept.popitem(last=False)
        return answer

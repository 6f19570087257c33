"""One answer for all who ask the same before anybody has begun to work it out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from spanledger_clickhouse.query_slots import QuerySlots
from spanledger_clickhouse.shared_answers import SharedAnswers

_READERS = 8


class _Work:
    """Counts how often it was done; numbers tell one time from another."""

    def __init__(self) -> None:
        self.begun = 0
        self.started = threading.Event()
        self.may_end = threading.Event()

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.started.set()
        assert self.may_end.wait(30)
        return number


def test_what_has_begun_is_not_shared_and_what_waits_is() -> None:
    """All who come while an equal question runs get the next answer, which is worked out once for all of them."""
    work, answers = _Work(), SharedAnswers[int](QuerySlots(running=1).taken)

    with ThreadPoolExecutor(_READERS + 1) as pool:
        first = pool.submit(answers.ask, "question", work)
        assert work.started.wait(30)
        later = [pool.submit(answers.ask, "question", work) for _ in range(_READERS)]
        while not answers.waiting:
            threading.Event().wait(0.001)
        # Those of the later ones that are not there yet would begin anew; each is there once its thread has asked.
        while sum(future.running() for future in later) < _READERS:
            threading.Event().wait(0.001)
        work.may_end.set()

        assert first.result() == 1
        assert {future.result() for future in later} <= {2, 3}
        assert work.begun <= 3


def test_different_questions_have_answers_of_their_own() -> None:
    """Nobody is given the answer to what somebody else asked."""
    answers = SharedAnswers[str](QuerySlots().taken)

    def ask(number: int) -> str:
        return answers.ask(number, lambda: f"of {number}")

    with ThreadPoolExecutor(_READERS) as pool:
        given = list(pool.map(ask, range(100)))

    assert given == [f"of {each}" for each in range(100)]


def test_a_failure_reaches_whoever_asked_and_is_not_kept() -> None:
    """The error is raised for the one who asked, and the next time is a new one."""
    answers = SharedAnswers[int](QuerySlots().taken)

    with pytest.raises(ZeroDivisionError):
        answers.ask("question", lambda: 1 // 0)

    assert answers.ask("question", lambda: 1) == 1

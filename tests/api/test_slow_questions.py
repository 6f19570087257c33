"""Questions that took too long a moment ago."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from spanledger_api.slow_questions import SlowQuestions

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _request(number: int) -> Request:
    query = f"topN={number}".encode()
    return Request({"type": "http", "method": "GET", "path": "/report", "query_string": query, "headers": []})


@pytest.mark.usefixtures("_hasty_threads")
def test_none_of_those_that_are_given_up_on_at_once_is_forgotten() -> None:
    """Several reports of one page take too long at the same time, and each of them is refused afterwards."""
    slow, requests = SlowQuestions(), [_request(number) for number in range(300)]

    def is_refused(request: Request) -> bool:
        try:
            slow.refuse(request)
        except TimeoutError:
            return True
        return False

    def give_up_on(request: Request) -> None:
        slow.note(request, TimeoutError())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(give_up_on, requests))

    assert all(map(is_refused, requests))

"""Nothing leads from reading to anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clickhouse.http_interface.escapes import ESCAPES, in_guide, table

if TYPE_CHECKING:
    import httpx

_ALL = [statement for ways in ESCAPES.values() for statement in ways]
_OURS = {"36", "46", "48", "60", "62", "73", "81", "164", "497"}


def test_there_are_many() -> None:
    """The table holds at least 120 ways, each once."""
    assert len(_ALL) == len(set(_ALL)) >= 120


@pytest.mark.parametrize("statement", _ALL)
def test_it_is_refused(asking: httpx.Client, statement: str) -> None:
    """Each way is refused with an error of ClickHouse's and leaks nothing of what it reaches for."""
    answer = asking.post("/", content=statement.encode())
    assert answer.status_code >= 400, answer.text
    assert answer.headers["x-clickhouse-exception-code"] in _OURS, answer.text
    assert "root:" not in answer.text


def test_the_guide_shows_them() -> None:
    """The table in the guide is the one that these statements make."""
    assert in_guide() == table()

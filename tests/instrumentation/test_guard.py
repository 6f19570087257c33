"""The guard: what fails inside is counted and swallowed, and nothing else is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from spanledger.guard import count_loss, guarded, losses

if TYPE_CHECKING:
    from collections.abc import Iterator


class BrokenHandler(logging.Handler):
    """A log handler that raises."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise."""
        raise OSError(record.name)


@pytest.fixture
def broken_log() -> Iterator[None]:
    """The engine's log handler is broken."""
    handler = BrokenHandler()
    logging.getLogger("spanledger").addHandler(handler)
    yield
    logging.getLogger("spanledger").removeHandler(handler)


def test_a_guarded_function_returns_none_where_it_fails() -> None:
    """The failure is swallowed and counted under the site's name."""

    @guarded("test.function")
    def half(number: int) -> int:
        return 10 // number

    assert half(5) == 2
    assert half(0) is None
    assert losses()["test.function"] == 1


def test_what_ends_the_process_passes() -> None:
    """Only errors are swallowed: not an interrupt, not an exit."""
    for ending in (KeyboardInterrupt, SystemExit):
        with pytest.raises(ending), guarded("test.ending"):
            raise ending
    assert "test.ending" not in losses()


def test_a_failing_site_is_counted_each_time_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A hook that fails on every call does not flood the engine's log."""
    for _ in range(100):
        with guarded("test.flood"):
            raise ValueError

    assert losses()["test.flood"] == 100
    assert [record.name for record in caplog.records] == ["spanledger.guard"]


@pytest.mark.usefixtures("broken_log")
def test_a_broken_log_handler_is_not_the_engines_problem() -> None:
    """The guard holds where its own log line cannot be written."""
    with guarded("test.broken_log"):
        raise ValueError
    count_loss("test.lost", "gone", count=3)

    assert losses()["test.broken_log"] == 1
    assert losses()["test.lost"] == 3
    assert losses()["guard.log"] == 2

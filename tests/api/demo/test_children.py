"""Processes that end with the demonstration."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from spanledger_api.demo.children import Child, ChildError, signals_held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FIVE_SECONDS = 5.0


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str], Child]:
    """Starts a child that runs a program of Python."""

    def start(program: str) -> Child:
        (tmp_path / "sample_child.py").write_text(program)
        return Child("sample", "sample_child", [], log=tmp_path / "log", variables={"PYTHONPATH": str(tmp_path)})

    return start


def test_lines_go_both_ways(start: Callable[[str], Child]) -> None:
    """What is written is read by the child, and what the child prints comes back until it ends."""
    with start("print(input()[::-1]); print('bye')") as child:
        child.write_line("abc")

        assert list(child.lines(_FIVE_SECONDS)) == ["cba", "bye"]


def test_a_child_that_fails_shows_its_log(start: Callable[[str], Child]) -> None:
    """The error carries the exit status and what stood on stderr last."""
    with start("import sys; sys.exit('no such disk')") as child:
        with pytest.raises(ChildError, match="sample ended by itself with status 1, after it wrote: no such disk"):
            list(child.lines(_FIVE_SECONDS))
        with pytest.raises(ChildError, match="no such disk"):
            child.wait()


def test_a_child_that_ends_before_its_line_is_an_error(start: Callable[[str], Child]) -> None:
    """Ending with success is no excuse where a line was due."""
    with start("") as child, pytest.raises(ChildError, match="status 0"):
        child.line(_FIVE_SECONDS)


def test_a_silent_child_is_an_error(start: Callable[[str], Child]) -> None:
    """Nobody waits for a line without end."""
    with start("input()") as child, pytest.raises(ChildError, match="does not answer in time"):
        child.line(0.0)


def test_a_child_that_will_not_end_is_killed(start: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that ignores the request to end is gone after the grace period all the same."""
    monkeypatch.setattr("spanledger_api.demo.children._STOP_SECONDS", 0.1)
    program = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(os.getpid())\ntime.sleep(60)"
    )
    with start(program) as child:
        pid = int(child.line(_FIVE_SECONDS))
        asked = time.monotonic()

    assert time.monotonic() - asked < 30, "it was waited for"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_settings_of_the_user_stay_outside(start: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, endpoints and proxies of the user's own lead no child elsewhere; everything else is passed on."""
    for name in ("AWS_PROFILE", "OPENAI_API_KEY", "OTEL_TRACES_EXPORTER", "SPANLEDGER_DSN"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("SPANLEDGER_LOCALE", "zh-TW")
    monkeypatch.setenv("UNRELATED", "kept")

    with start("import json, os; print(json.dumps(dict(os.environ)))") as child:
        seen = json.loads(child.line(_FIVE_SECONDS))

    assert "mine" not in seen.values()
    assert (seen["SPANLEDGER_LOCALE"], seen["UNRELATED"], seen["NO_PROXY"]) == ("zh-TW", "kept", "127.0.0.1")


def test_a_signal_waits_for_the_end_of_the_block() -> None:
    """Ctrl-C is neither lost nor early while a process is being started."""
    reached: list[str] = []

    def start_something() -> None:
        with signals_held():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        start_something()

    assert reached

"""``spanledger run``: programs that know nothing of Spanledger, metered, and otherwise as they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spanledger import environment
from tests.instrumentation.collectors import HttpCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = Path(sys.executable).with_name("spanledger")

APP = """
import sys
from opentelemetry import trace
trace.get_tracer("app").start_span("work").end()
print(sys.argv[1:], __name__, flush=True)
"""


@pytest.fixture
def collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpCollector]:
    """A collector that the programs export to; their working directory is the test's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(environment.SPOOL_DIR, str(tmp_path / "spool"))
    with HttpCollector() as collector:
        monkeypatch.setenv(environment.OTLP_ENDPOINT, collector.url)
        yield collector


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    command = [str(COMMAND), "run", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | variables, timeout=60)


def identities(collector: HttpCollector) -> dict[str, dict[str, str]]:
    """Attributes by name of each span."""
    return {span.name: {pair.key: pair.value.string_value for pair in span.attributes} for span in collector.spans()}


@pytest.mark.parametrize(
    "words", [["--", "python", "app.py", "-x"], ["app.py", "-x"], ["--", "-m", "app", "-x"], ["--", "app", "-x"]]
)
def test_a_program_is_metered_in_every_form(collector: HttpCollector, words: list[str]) -> None:
    """By interpreter, file and module; its words are its own."""
    Path("app.py").write_text(APP)
    ended = run("--service-name", "app-engine", *words)

    assert (ended.returncode, ended.stdout) == (0, "['-x'] __main__\n"), ended.stderr
    assert collector.names() == ["work"]
    assert "app-engine" in str(collector.requests[0].resource_spans[0].resource)


def test_a_console_script_is_metered(collector: HttpCollector) -> None:
    """Whatever starts Python with the environment is."""
    script = Path("tool")
    script.write_text(f"#!{sys.executable}\n{APP}")
    script.chmod(0o755)

    assert run("--", "./tool", "one").stdout == "['one'] __main__\n"
    assert collector.names() == ["work"]


def test_the_whole_program_is_one_execution(collector: HttpCollector) -> None:
    """For the user that the environment names; Python children take part in it and end none of it."""
    child = "import subprocess\nsubprocess.run([sys.executable, 'child.py'], check=True)\n"
    Path("app.py").write_text(APP + child)
    Path("child.py").write_text(APP.replace('"work"', '"child"'))
    ended = run("app.py", SPANLEDGER_USER_ID="user-1", SPANLEDGER_TASK_TYPE="nightly")

    assert ended.returncode == 0, ended.stderr
    spans = identities(collector)
    assert sorted(spans) == ["child", "execution nightly", "execution.started nightly", "work"]
    assert len({span["execution.id"] for span in spans.values()}) == 1
    assert {(span["user.id"], span["task.type"]) for span in spans.values()} == {("user-1", "nightly")}
    assert spans["execution nightly"]["execution.status"] == "completed"


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        ("sys.exit(3)", 3, "SystemExit: 3"),
        ("raise LookupError('gone')", 1, "LookupError: gone"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "terminated"),
    ],
)
def test_exit_codes_and_signals_pass(collector: HttpCollector, end: str, code: int, message: str) -> None:
    """They are the program's own, and the execution failed with them."""
    Path("app.py").write_text(APP + end)

    assert run("app.py", SPANLEDGER_EXECUTION_ID="execution-1").returncode == code
    [root] = [span for span in collector.spans() if span.name == "execution program"]
    assert root.status.message == message
    assert identities(collector)["execution program"]["execution.id"] == "execution-1"


def test_the_engines_own_sitecustomize_still_runs(collector: HttpCollector) -> None:
    """Ours is first on the path and hides it otherwise."""
    Path("site").mkdir()
    Path("site", "sitecustomize.py").write_text("print('theirs')\n")
    Path("app.py").write_text(APP)

    assert run("app.py", PYTHONPATH="site").stdout.splitlines()[0] == "theirs"
    assert collector.names() == ["work"]


def test_what_cannot_be_run_is_said() -> None:
    """An unknown program and a bad price file are errors of the command; nothing is started."""
    unknown = run("--", "no-such-program")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no-such-program" in unknown.stderr

    assert run().returncode == 2


def test_a_bad_price_file_stops_it(tmp_path: Path) -> None:
    """Before the program begins, with file and line."""
    prices = tmp_path / "prices.toml"
    prices.write_text("[[price]]\nid = 1\n")
    ended = run("--prices", str(prices), "--", "python", "-c", "print('started')")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"{prices}:1" in ended.stderr

"""``spanledger export`` writes a whole file or none, and the API gives the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spanledger.exceptions import ConfigurationError
from spanledger_api.command_line.export import command, written_whole
from tests.clickhouse.repricing.conftest import arrive, chat

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

_FILL = """
import sys
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.clickhouse.repricing.conftest import arrive, chat
with open_ledger(sys.argv[1]) as ledger:
    migrate(ledger)
    arrive(ledger, 1, chat())
"""


def _export(dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "spanledger_api", "export", "--dsn", dsn, "--from", "2026-11-01", *arguments]
    return subprocess.run(words, check=False, capture_output=True, text=True)


def test_files_and_pipes(tmp_path: Path) -> None:
    """A file and stdout get the same lines; a folder that is not there, and wrong usage, leave nothing."""
    dsn = f"chdb://{tmp_path}/ledger"
    subprocess.run([sys.executable, "-c", _FILL, dsn], check=True)
    whole = ("--to", "2026-12-01", "--format", "jsonl")

    piped = _export(dsn, *whole)
    written = _export(dsn, *whole, "--output", f"{tmp_path}/out.jsonl", "--user", "u1")

    assert json.loads(piped.stdout)["operation"] == "gpt-4_a_b", piped.stderr
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "1 rows.\n")
    assert (tmp_path / "out.jsonl").read_text() == piped.stdout
    lost = _export(dsn, *whole, "--output", f"{tmp_path}/absent/out.jsonl")
    assert (lost.returncode, "cannot be written" in lost.stderr, "Traceback" in lost.stderr) == (1, True, False)
    empty = ["--from", "2026-11-01", "--to", "2026-10-01", "--format", "csv"]
    assert CliRunner().invoke(command, empty).exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger", "out.jsonl"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be written whole is not written at all, and the message says why."""
    target = tmp_path / "out.csv"
    target.write_text("old")

    def fill() -> None:
        with written_whole(str(target)) as file, open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 - a device
            file.write(b"new")
            full.write(b"more than fits")

    with pytest.raises(ConfigurationError, match="No space left"):
        fill()

    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_an_interrupted_export_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C takes the half-written file away."""

    def interrupt() -> None:
        with written_whole(str(tmp_path / "out.csv")) as file:
            file.write(b"half")
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupt()

    assert list(tmp_path.iterdir()) == []


def test_the_api_exports_too(ledger: Ledger, client: TestClient) -> None:
    """The same rows come over HTTP under a file's name; bad parameters are problems that name themselves."""
    arrive(ledger, 1, chat())
    window = {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}

    answer = client.get("/api/export", params={**window, "format": "jsonl", "userId": "u1"})

    assert answer.json()["trace_id"] == f"{1:032x}"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="cost_records.jsonl"'
    focus = client.get("/api/export", params={**window, "format": "focus-1.4"})
    assert focus.text.count("\n") == 2
    wrong = client.get("/api/export", params={**window, "format": "focus-1.4", "table": "task_executions"})
    assert (wrong.status_code, wrong.json()["parameter"]) == (422, "table")
    assert client.get("/api/export", params={**window, "format": "xls"}).status_code == 422

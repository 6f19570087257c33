"""``spanledger top`` and ``spanledger completion``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spanledger_api.command_line.completion import command as completion
from spanledger_api.command_line.top import command
from spanledger_api.http_server import HttpServer
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture
def api(app: FastAPI, ledger: Ledger) -> Iterator[str]:
    """Address of the app served on a free port, over a ledger with two executions in it."""
    span = partial(Span, user="user-123", task="video_generation")
    store(
        ledger,
        [
            span(execution="e-1", execution_status="completed"),
            span(execution="e-1", service="openai", operation="gpt-4_a_b", cost=Decimal("1.5")),
            span(execution="e-2", execution_status="failed"),
            span(execution="e-2", service="s3", operation="upload", cost=Decimal("0.00000625")),
        ],
    )
    with HttpServer(app, "127.0.0.1", 0) as server:
        yield server.url


def test_one_look_shows_the_day(api: str) -> None:
    """Without a terminal one frame is printed: sum, services, users and executions, amounts short enough to read."""
    shown = CliRunner().invoke(command, ["--api", api])

    assert shown.exit_code == 0
    assert "$1.50 today" in shown.stdout
    for word in ("openai", "<$0.0001", "user-123", "video_generation", "failed", "no open alert"):
        assert word in shown.stdout


def test_the_same_as_json_is_exact(api: str) -> None:
    """As JSON the sum keeps every digit."""
    shown = json.loads(CliRunner().invoke(command, ["--api", api, "--json"]).stdout)

    assert shown["spent"] == "1.50000625"
    assert [row["service"] for row in shown["services"]] == ["openai", "s3"]
    assert len(shown["executions"]) == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(shell: str) -> None:
    """The script calls the program back for words, and where it goes is a note."""
    shown = CliRunner().invoke(completion, [shell])

    assert shown.exit_code == 0
    assert "_SPANLEDGER_COMPLETE" in shown.stdout
    assert shell in shown.stderr


def test_the_program_completes_its_commands() -> None:
    """Asked as the script asks it, the program names the commands that begin so."""
    asked = {"COMP_WORDS": "spanledger comp", "COMP_CWORD": "1", "_SPANLEDGER_COMPLETE": "bash_complete"}
    answer = subprocess.run(
        [sys.executable, "-m", "spanledger_api.command_line"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout.split() == ["plain,completion"]

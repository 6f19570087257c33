"""Every Python example of the guide for engines runs, as a program of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spanledger import environment
from spanledger_api.demo.loopback import paid_services, paid_services_environment
from spanledger_api.http_server import HttpServer
from tests.instrumentation.collectors import HttpCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "engine.md"
BLOCKS = re.findall(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
PROGRAMS = [code for language, _, code in BLOCKS if language == "python"]


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, str]]:
    """The paid services, and how the environment says where they are."""
    with HttpServer(paid_services(), "127.0.0.1", 0) as server:
        yield paid_services_environment(server.url)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_an_example_runs(number: int, services: dict[str, str], tmp_path: Path) -> None:
    """Without an error or a warning, in a directory with the guide's files."""
    for _, title, content in BLOCKS:
        if title:
            path = tmp_path / title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    with HttpCollector() as collector:
        variables = {environment.OTLP_ENDPOINT: collector.url, environment.SPOOL_DIR: str(tmp_path / "spool")}
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAMS[number]],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | services | variables,
            cwd=tmp_path,
            timeout=60,
        )
    assert ended.returncode == 0, ended.stderr
    assert ("record_cost.amount" in PROGRAMS[number]) or not ended.stderr


def test_every_setting_of_an_engine_is_in_the_guide() -> None:
    """Those that are read inside engines, by their names."""
    text = GUIDE.read_text()
    names = ("SPOOL_DIR", "SPOOL_MIB", "EXIT_SECONDS", "OWN_HOSTS", "PRICES", "USER_ID", "EXECUTION_ID", "TASK_TYPE")
    assert [name for name in names if getattr(environment, name) not in text] == []

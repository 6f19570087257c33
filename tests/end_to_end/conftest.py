"""The product as its users have it: a built wheel in an environment of its own, and ``spanledger up`` as a process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.running import Running, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        pytest.skip("uv is not installed; `make test` installs it")
    return found


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    target = tmp_path_factory.mktemp("wheel")
    command = [_uv(), "build", "--quiet", "--wheel", "--offline", "--no-build-isolation", "--out-dir", str(target)]
    subprocess.run([*command, str(ROOT)], check=True)
    [built] = target.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Callable[[str], Path]:
    """Makes a virtual environment with the wheel and the named extras (``""`` for none); returns its interpreter."""

    def make(extras: str) -> Path:
        directory = tmp_path_factory.mktemp("environment")
        subprocess.run([_uv(), "venv", "--quiet", "--python", sys.executable, str(directory)], check=True)
        python = directory / "bin" / "python"
        install = [_uv(), "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run([*install, f"{wheel}{extras}"], check=True)
        return python

    return make


@pytest.fixture
def spanledger_up(tmp_path: Path) -> Iterator[Running]:
    """``spanledger up`` on a ledger of its own, ended by SIGTERM."""
    running = start(tmp_path / "ledger")
    yield running
    assert running.stop() == 0

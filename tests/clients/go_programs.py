"""Programs in Go that tests run: each built once for a state of its sources, then found again in ``.cache/clients``."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

from tests.clients.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["go_program"]

_CACHE: Final = ROOT / ".cache" / "clients"
_BUILD_SECONDS: Final = 600


def go_program(source: Path) -> Path:
    """The program of a directory; without Go the test is skipped, or fails where SPANLEDGER_REQUIRE_GO=1 asks."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(source.iterdir()))).hexdigest()[:16]
    program = _CACHE / f"go-{digest}"
    if program.exists():
        return program
    if shutil.which("go") is None:
        _missing("there is no Go to build the program with")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "go.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-mod=readonly",
            "GOWORK": "off",
        }
        built = subprocess.run(
            ["go", "build", "-o", program, "."],  # noqa: S607 - Go is where the machine has it
            cwd=source,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_BUILD_SECONDS,
        )
    if built.returncode != 0:
        _missing(f"the program cannot be built: {built.stderr}")
    return program


def _missing(reason: str) -> NoReturn:
    if os.environ.get("SPANLEDGER_REQUIRE_GO") == "1":
        pytest.fail(reason)
    pytest.skip(reason)

"""Environments that the clients live in: each made once from its lock, then found again in ``.cache/clients``.

A change of the lock makes a new directory. Where an environment cannot be made (no Node, no registry) its tests are
skipped with the reason, or fail where ``SPANLEDGER_REQUIRE_CLIENTS=1`` asks for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JAVASCRIPT", "PINS", "ROOT", "Environments", "missing", "pinned"]

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).parent / "pins"
JAVASCRIPT = Path(__file__).parent / "javascript"
_PROJECTS = {"javascript": JAVASCRIPT, "grafana_schema": ROOT / "tests" / "grafana" / "javascript"}
_CACHE = ROOT / ".cache" / "clients"
_INSTALL_SECONDS = 120


def missing(reason: str) -> NoReturn:
    """End the test because a client is not there."""
    if os.environ.get("SPANLEDGER_REQUIRE_CLIENTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def pinned(lock: Path, package: str) -> str:
    """The version of a package in a lock."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock.read_text(), re.MULTILINE)
    assert found, f"{package} is not in {lock.name}"
    return found[1]


class _UnavailableError(Exception):
    """An environment cannot be made on this machine; the message says why."""


class Environments:
    """Makes every environment in the background, two at a time, and hands them out as they are needed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="environments")
        self._made: dict[str, Future[Path]] = {}

    def begin(self, *names: str) -> None:
        """Start to make environments: names of ``pins/*.in``, ``javascript`` or ``grafana_schema``."""
        for name in names:
            if name not in self._made:
                self._made[name] = self._pool.submit(_javascript if name in _PROJECTS else _python, name)

    def close(self) -> None:
        """Wait for what was begun."""
        self._pool.shutdown(cancel_futures=True)

    def python(self, name: str) -> Path:
        """The interpreter of a Python environment."""
        return self._directory(name) / "bin" / "python"

    def rotel(self) -> Path:
        """The program of the rotel collector."""
        [program] = self._directory("rotel").glob("lib/python*/site-packages/rotel/rotel-agent")
        return program

    def javascript(self, name: str = "javascript") -> Path:
        """The directory of Node packages, as ``NODE_PATH`` wants it."""
        return self._directory(name) / "node_modules"

    def _directory(self, name: str) -> Path:
        self.begin(name)
        try:
            return self._made[name].result()
        except _UnavailableError as error:
            missing(str(error))


def _python(name: str) -> Path:
    lock = PINS / f"{name}.txt"

    def make(directory: Path) -> None:
        uv = _uv()
        _run(name, uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(directory))
        install = (uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python")
        _run(name, *install, str(directory / "bin" / "python"), "--requirement", str(lock))

    return _cached(f"{name}-py{sys.version_info.major}.{sys.version_info.minor}", [lock], make)


def _javascript(name: str) -> Path:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        why = "node and npm are not on the PATH"
        raise _UnavailableError(why)
    sources = [_PROJECTS[name] / file for file in ("package.json", "package-lock.json")]

    def make(directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        for source in sources:
            shutil.copy(source, directory)
        _run(name, npm, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(directory))

    return _cached(name, sources, make)


def _cached(name: str, locks: list[Path], make: Callable[[Path], None]) -> Path:
    """The environment of these locks, made if it is not there; test processes wait for each other."""
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:12]
    directory = _CACHE / f"{name}-{digest}"
    ready = directory / ".ready"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            make(directory)
            ready.touch()
    return directory


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        why = "uv is not installed; `make test` installs it"
        raise _UnavailableError(why)
    return found


def _run(name: str, *command: str) -> None:
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_INSTALL_SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        why = f"the environment {name} was not made within {_INSTALL_SECONDS} s"
        raise _UnavailableError(why) from error
    if done.returncode:
        why = f"the environment {name} cannot be made: {(done.stderr or done.stdout).strip()[-400:]}"
        raise _UnavailableError(why)

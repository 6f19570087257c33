"""What requirements/install.sh and lock.sh do and say, with the interpreter and uv stood in for by scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

_SOURCE = Path(__file__).parents[2] / "requirements"
_TOOLS = ("bash", "sh", "cat", "chmod", "cp", "dirname", "grep", "mkdir", "mv", "touch")


class _Checkout(NamedTuple):
    """A directory with the scripts, and a PATH with nothing but basic tools on it."""

    root: Path
    path: Path

    def script(self, name: str, text: str) -> str:
        """Put a program on the PATH and return where it is."""
        program = self.path / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        return str(program)

    def run(self, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts with nothing in its environment but these variables."""
        return subprocess.run(
            [self.root / "requirements" / script, *arguments],
            env={"PATH": str(self.path), **variables},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> _Checkout:
    """A checkout without .venv on a machine without uv."""
    made = _Checkout(tmp_path / "checkout", tmp_path / "bin")
    made.path.mkdir()
    for tool in _TOOLS:
        (made.path / tool).symlink_to(shutil.which(tool) or tool)
    (made.path / "env").symlink_to(shutil.which("env") or "env")
    shutil.copytree(_SOURCE, made.root / "requirements", ignore=shutil.ignore_patterns("*.txt"))
    return made


def test_a_python_too_old_is_named(checkout: _Checkout) -> None:
    """One line says which version was found and what to do."""
    checkout.script("python3", 'case "$1" in -V) echo Python 3.9.2 ;; *) exit 1 ;; esac')

    result = checkout.run("install.sh", "run")

    assert result.returncode == 1
    assert result.stderr == (
        "install: Python 3.11 or newer is needed, but python3 is Python 3.9.2; name another one with PYTHON=…\n"
    )


def test_a_python_that_is_not_there_is_named(checkout: _Checkout) -> None:
    """A PYTHON that does not exist is an error of one line, whatever else is on the machine."""
    result = checkout.run("install.sh", "run", PYTHON="python9")

    assert result.returncode == 1
    assert "but python9 was not found" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_newer_python_is_found_beside_an_old_one(checkout: _Checkout) -> None:
    """An old python3 does no harm where a newer one has a name of its own."""
    checkout.script("python3", "exit 1")
    (checkout.path / "python3.12").symlink_to(sys.executable)
    checkout.script("uv", "exit 0")

    assert checkout.run("install.sh", "run").returncode == 0


def test_a_python_without_pip_and_ensurepip_names_the_package(checkout: _Checkout) -> None:
    """Debian's python3 without python3-venv cannot fetch uv, and the line says what to install."""
    checkout.script(
        "python3",
        'case "$*" in'
        ' *"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;'
        " *pip*) exit 1 ;;"
        " -V) echo Python 3.11.2 ;; esac",
    )

    result = checkout.run("install.sh", "run")

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "install: python3 has neither pip nor ensurepip: apt-get install python3-venv"
    )


def test_a_scope_is_needed(checkout: _Checkout) -> None:
    """Without saying what for, nothing is installed."""
    result = checkout.run("install.sh")

    assert result.returncode == 2
    assert result.stderr == "usage: requirements/install.sh run|dev\n"


@pytest.mark.parametrize(("scope", "stamps"), [("run", [".ready-run"]), ("dev", [".ready-dev", ".ready-run"])])
def test_uv_installs_the_locked_packages_and_leaves_a_stamp(checkout: _Checkout, scope: str, stamps: list[str]) -> None:
    """Every package is held to its hash, the project is editable, and make sees that it is done."""
    log = checkout.root / "uv.log"
    checkout.script("uv", f'echo "$VIRTUAL_ENV $*" >> {log}')

    result = checkout.run("install.sh", scope, PYTHON=sys.executable)

    assert result.returncode == 0, result.stderr
    packages, project = log.read_text().splitlines()
    assert packages.startswith(f"{checkout.root}/.venv pip install")
    assert "--require-hashes" in packages
    assert f"--requirement requirements/{scope}.txt" in packages
    assert "--editable ." in project
    assert sorted(path.name for path in (checkout.root / ".venv").glob(".ready-*")) == stamps


def test_nothing_is_stamped_when_uv_fails(checkout: _Checkout) -> None:
    """A failed download is tried again by the next make."""
    checkout.script("uv", "exit 3")

    result = checkout.run("install.sh", "dev", PYTHON=sys.executable)

    assert result.returncode == 3
    assert not list((checkout.root / ".venv").glob(".ready-*"))


@pytest.mark.parametrize("line", ["--index-url somewhere", "click @ https://example.invalid/click.whl"])
def test_a_lock_with_a_host_is_refused(checkout: _Checkout, line: str) -> None:
    """A lock names packages and hashes only, and a refused one replaces nothing."""
    lock = checkout.root / "requirements" / "run.txt"
    lock.write_text("as it was\n")
    checkout.script("uv", f"echo '{line}'")

    result = checkout.run("lock.sh")

    assert result.returncode == 1
    assert "run.txt names a host or an option" in result.stderr
    assert lock.read_text() == "as it was\n"


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt", "uv.txt"])
def test_the_locks_hold_hashes_and_no_host(lock: str) -> None:
    """Each package of each lock has a hash, and none says where it comes from."""
    text = (_SOURCE / lock).read_text()
    packages = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]

    assert packages
    assert all(line.endswith("\\") for line in packages)
    assert "://" not in text

"""The build: a distribution with a bad price row does not come into being."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "spanledger"
version = "0"
[tool.hatch.build.hooks.custom]
path = "build_hooks/price_rows.py"
[tool.hatch.build.targets.wheel]
packages = ["instrumentation/spanledger"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the price book's part of the tree, with the real hook."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    for folder in ("build_hooks", "instrumentation/spanledger"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def build(project: Path) -> subprocess.CompletedProcess[str]:
    """Build the wheel with hatchling alone, as an isolated build does."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=60)


def test_valid_rows_are_built_into_the_wheel(project: Path) -> None:
    """The wheel comes into being with the rows inside."""
    done = build(project)

    assert (done.returncode, done.stderr.count("Error")) == (0, 0)
    assert list((project / "dist").glob("*.whl"))


@pytest.mark.parametrize("field", ["effective_from", "source"])
def test_a_row_without_date_or_source_stops_the_build(project: Path, field: str) -> None:
    """The build fails and names the row and the field; no wheel is left."""
    rates = project / "instrumentation/spanledger/pricing/rates/google.toml"
    lines = rates.read_text(encoding="utf-8").splitlines()
    rates.write_text("\n".join(line for line in lines if not line.startswith(field)), encoding="utf-8")
    done = build(project)

    assert done.returncode != 0
    assert f"google.toml:4: price row google_video_ai/2017-12-01: {field} is missing" in done.stderr
    assert not list(project.glob("dist/*.whl"))

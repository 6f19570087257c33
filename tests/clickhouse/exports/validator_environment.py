"""Installs the FinOps Foundation's validator of FOCUS into an environment of its own: run it as a program.

The validator needs Python 3.12 or newer, so it cannot live beside the project on 3.11.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parents[3] / ".cache" / "focus-validator"
# Its own bound on numpy contradicts the newest pyarrow.
PACKAGES = ("focus-validator==2.2.1", "pyarrow<22")


def find_python() -> str | None:
    """A Python of 3.12 or newer that is on this machine or that uv can get; None without one."""
    for name in ("python3.12", "python3.13", "python3.14"):
        if found := shutil.which(name):
            return found
    if uv := shutil.which("uv"):
        told = subprocess.run([uv, "python", "find", ">=3.12"], check=False, capture_output=True, text=True)
        return told.stdout.strip() or None
    return None


def main() -> None:
    """Make the environment, or say why not."""
    python = find_python()
    if python is None:
        sys.exit("There is no Python 3.12 or newer here; install one, or uv.")
    subprocess.run([python, "-m", "venv", str(TARGET)], check=True)
    subprocess.run([str(TARGET / "bin" / "pip"), "install", "--quiet", *PACKAGES], check=True)


if __name__ == "__main__":
    main()

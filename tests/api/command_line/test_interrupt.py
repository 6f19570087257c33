"""An interrupted command ends with 130, wherever the interrupt meets it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
from spanledger_api import command_line

def interrupted(context):
    {meets}

command_line.group.invoke = interrupted
command_line.main(["up"])
"""


@pytest.mark.parametrize("meets", ["raise KeyboardInterrupt", "exec('raise KeyboardInterrupt')"])
def test_the_exit_status_is_130(tmp_path: Path, meets: str) -> None:
    """An interrupt amid code made from a string, such as that of a dataclass, is no death by the signal either."""
    (tmp_path / "interrupted.py").write_text(_PROGRAM.format(meets=meets))

    run = subprocess.run([sys.executable, "-m", "interrupted"], cwd=tmp_path, capture_output=True, check=False)

    assert (run.returncode, run.stderr.strip()) == (130, b"")

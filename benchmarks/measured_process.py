"""A process that is measured from outside: its processor time and its memory."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

__all__ = ["MeasuredProcess"]

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class MeasuredProcess:
    """Runs a command for as long as the block runs, and ends it by SIGTERM.

    Args:
        command: The program and its arguments.
        environment: Variables to set besides this process' own.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    @property
    def stdout(self) -> IO[str]:
        """What the process prints."""
        assert self._process.stdout is not None  # noqa: S101 - the pipe was asked for
        return self._process.stdout

    def cpu_seconds(self) -> float:
        """Processor time so far, of all its threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS

    def memory_mib(self, *, peak: bool = True) -> int:
        """Resident memory, at its highest or now."""
        wanted = "VmHWM:" if peak else "VmRSS:"
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(wanted):
                return int(line.split()[1]) // 1024
        return 0

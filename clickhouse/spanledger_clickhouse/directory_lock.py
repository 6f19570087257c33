"""A directory that one process holds at a time."""

from __future__ import annotations

import fcntl
import os
from typing import IO, TYPE_CHECKING

from spanledger.exceptions import LedgerUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DirectoryLock"]


class DirectoryLock:
    """Holds a directory until it is released or the process ends, however it ends.

    Args:
        path: The directory; it is created on :meth:`acquire`. Its file ``lock`` names the holder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Create the directory and hold it.

        Raises:
            LedgerUnavailableError: Another process holds it (the message names its id), or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / "lock").open("a+")
        except OSError as error:
            message = f"The directory {self.path} cannot be used: {error.strerror}."
            raise LedgerUnavailableError(message) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            message = (
                f"The directory {self.path} is held by process {holder}; "
                "read it through that process's API, or stop it first."
            )
            raise LedgerUnavailableError(message) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let another process have it; harmless when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None

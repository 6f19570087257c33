"""The directory of an embedded ledger: who holds it, and where its parts lie."""

from __future__ import annotations

import fcntl
import os
from typing import IO, TYPE_CHECKING

from spanledger.exceptions import LedgerUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LedgerDirectory"]

_ENGINE_CONFIGURATION = """<clickhouse>
    <!-- The engine's own logs would outgrow the ledger; the collector and the API have theirs. -->
    <logger><level>none</level></logger>
</clickhouse>
"""


class LedgerDirectory:
    """One directory, held by one process at a time.

    Layout: ``store/`` is the engine's, ``segments/`` the collector's write-ahead log, ``quarantine/`` what could not be
    loaded, ``lock`` names the holder.

    Args:
        path: The directory; it is created on :meth:`acquire`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = path / "store"
        self.segments = path / "segments"
        self.quarantine = path / "quarantine"
        self.engine_configuration = path / "engine.xml"
        self._lock: IO[str] | None = None

    def acquire(self) -> None:
        """Create the directory and hold it until :meth:`release` or the end of the process, however it ends.

        Raises:
            LedgerUnavailableError: Another process holds it (the message names its id), or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+")
        except OSError as error:
            message = f"The ledger's directory {self.path} cannot be used: {error.strerror}."
            raise LedgerUnavailableError(message) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            message = (
                f"The ledger in {self.path} is held by process {holder}; "
                "read it through that process's API, or stop it first."
            )
            raise LedgerUnavailableError(message) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        self.engine_configuration.write_text(_ENGINE_CONFIGURATION)

    def release(self) -> None:
        """Let another process have it; harmless when it is not held."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

"""The collector's stages in order: receivers, intake, write-ahead log, loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.directory_lock import DirectoryLock
from spanledger_collector.exposition import Exposition
from spanledger_collector.http_receiver import HttpReceiver
from spanledger_collector.intake import Intake
from spanledger_collector.loader import Loader
from spanledger_collector.quarantine import Quarantine
from spanledger_collector.segments import SegmentLog
from spanledger_collector.sinks import EmbeddedSink, ServerSink

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_collector.admission import Admission
    from spanledger_collector.segments import SegmentLimits

__all__ = ["Pipeline"]

_LOADER_THREADS = 2


class Pipeline:
    """Everything between an OTLP request and the ledger.

    Attributes:
        intake: The gate behind every receiver.
        http: The ASGI application of the OTLP/HTTP port, to be served.
        exposition: The collector's own metrics.
        log: The write-ahead log.
        loader: The thread that empties it.
        quarantine: What could not be loaded.

    Args:
        ledger: A ledger with the current schema.
        directory: Where segments and what could not be loaded lie; None takes the directory of an embedded ledger.
        limits: When segments close and how much may wait; None takes the defaults.
        admission: Decides who may send over HTTP; None lets everybody.

    Raises:
        ConfigurationError: The ledger is on a server and no directory is given.
    """

    def __init__(
        self,
        ledger: Ledger,
        directory: Path | None = None,
        limits: SegmentLimits | None = None,
        *,
        admission: Admission | None = None,
    ) -> None:
        base = directory or ledger.dsn.path
        # An embedded ledger holds its own directory.
        self._held = DirectoryLock(directory) if directory is not None else None
        if base is None:
            message = "A collector for a server needs a directory of its own for what it has acknowledged: --directory."
            raise ConfigurationError(message)
        self.log = SegmentLog(base / "segments", limits)
        self.quarantine = Quarantine(base / "quarantine")
        sink = EmbeddedSink(ledger) if ledger.dsn.embedded else ServerSink(ledger)
        self.loader = Loader(sink, self.log, self.quarantine, _LOADER_THREADS)
        self.intake = Intake(self.log)
        self.exposition = Exposition(self.intake, self.log, self.loader)
        self.http = HttpReceiver(self.intake, self.exposition.text, admission=admission)

    def start(self) -> None:
        """Take over what an earlier process left, then accept requests.

        Raises:
            LedgerUnavailableError: Another process uses the directory.
        """
        if self._held is not None:
            self._held.acquire()
        self.log.start()
        self.loader.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Accept nothing more and load what was acknowledged.

        Args:
            timeout: Seconds to wait for the loader; None waits as long as it takes.

        Returns:
            Whether everything is loaded. The rest stays on disk for the next process.
        """
        self.log.stop()
        finished = self.loader.join(timeout)
        if self._held is not None:
            self._held.release()
        return finished

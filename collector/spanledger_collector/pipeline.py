"""The collector's stages in order: receivers, intake, write-ahead log, loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger.exceptions import ConfigurationError
from spanledger_collector.exposition import Exposition
from spanledger_collector.http_receiver import HttpReceiver
from spanledger_collector.intake import Intake
from spanledger_collector.loader import Loader
from spanledger_collector.quarantine import Quarantine
from spanledger_collector.segments import SegmentLog

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_collector.segments import SegmentLimits

__all__ = ["Pipeline"]


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
        ledger: An embedded ledger with the current schema.
        limits: When segments close and how much may wait; None takes the defaults.

    Raises:
        ConfigurationError: The ledger is a server; segments lie in the directory of an embedded one.
    """

    def __init__(self, ledger: Ledger, limits: SegmentLimits | None = None) -> None:
        if ledger.directory is None:
            message = "This collector loads into an embedded ledger; give it a DSN of the form chdb:///directory."
            raise ConfigurationError(message)
        self.log = SegmentLog(ledger.directory.segments, limits)
        self.quarantine = Quarantine(ledger.directory.quarantine)
        self.loader = Loader(ledger, self.log, self.quarantine)
        self.intake = Intake(self.log)
        self.exposition = Exposition(self.intake, self.log, self.loader)
        self.http = HttpReceiver(self.intake, self.exposition.text)

    def start(self) -> None:
        """Take over what an earlier process left, then accept requests."""
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
        return self.loader.join(timeout)

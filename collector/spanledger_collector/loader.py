"""Loads closed segments into ``otel_traces``, each as one block, and sets aside what cannot be loaded."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger.exceptions import InvalidRequestError
from spanledger_collector.frames import frame, read_frames
from spanledger_collector.nested_values import register_functions
from spanledger_collector.requests import canonical
from spanledger_collector.rows import COLUMNS, READ_SETTINGS, select_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_collector.quarantine import Quarantine
    from spanledger_collector.segments import SegmentLog

__all__ = ["Loader", "LoaderCounts"]

_log = logging.getLogger(__name__)

_ONE_BLOCK: Final = {
    # A segment is one block, so that its token covers all of it and a retry cannot be split differently.
    "max_insert_threads": "1",
    "min_insert_block_size_rows": "1000000000",
    "min_insert_block_size_bytes": "0",
    # Spans may be of any day; the limit would refuse the whole segment for a few old ones.
    "max_partitions_per_insert_block": "0",
}

_OUTSIDE_CAUSES: Final = {
    74: "CANNOT_READ_FROM_FILE_DESCRIPTOR",
    75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
    76: "CANNOT_OPEN_FILE",
    159: "TIMEOUT_EXCEEDED",
    173: "CANNOT_ALLOCATE_MEMORY",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    394: "QUERY_WAS_CANCELLED",
}
"""ClickHouse error codes that say nothing about a segment's content, so that the same may succeed later."""

_FIRST_RETRY_SECONDS: Final = 0.1
_LAST_RETRY_SECONDS: Final = 30.0


class _Outcome(Enum):
    LOADED = auto()
    UNREADABLE = auto()
    RETRY = auto()


@dataclass(slots=True)
class LoaderCounts:
    """What the loader did since it was made.

    Attributes:
        segments: Segments whose every request was loaded or set aside.
        bytes: Their length on disk.
        retries: Attempts that failed for reasons outside the segment.
        quarantined: Requests that were set aside.
    """

    segments: int = 0
    bytes: int = 0
    retries: int = 0
    quarantined: int = 0


class Loader:
    """One thread that takes closed segments in order and loads them.

    Args:
        ledger: An embedded ledger with the current schema.
        log: Where the segments come from.
        quarantine: Where requests go that cannot be loaded.
    """

    def __init__(self, ledger: Ledger, log: SegmentLog, quarantine: Quarantine) -> None:
        self.counts = LoaderCounts()
        self._ledger = ledger
        self._segments = log
        self._quarantine = quarantine
        self._abandoned = threading.Event()
        self._last_error = ""
        self._thread = threading.Thread(target=self._load_until_stopped, name="segment-loader", daemon=True)

    def start(self) -> None:
        """Begin loading."""
        register_functions()
        self._thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until every segment of a stopped log is loaded; after ``timeout`` seconds leave the rest on disk.

        Returns:
            Whether everything was loaded. What was not is loaded by the next process.
        """
        self._thread.join(timeout)
        finished = not self._thread.is_alive()
        self._abandoned.set()
        return finished

    def _load_until_stopped(self) -> None:
        while (path := self._segments.next_closed()) is not None:
            if not self._load_segment(path):
                return
            self.counts.bytes += self._segments.remove(path)
            self.counts.segments += 1

    def _load_segment(self, path: Path) -> bool:
        """Load one segment whatever it takes; False if the wait for the ledger was abandoned."""
        patience = _FIRST_RETRY_SECONDS
        while (outcome := self._try(path, token=path.stem)) is _Outcome.RETRY:
            self.counts.retries += 1
            if self._abandoned.wait(patience):
                return False
            patience = min(2 * patience, _LAST_RETRY_SECONDS)
        if outcome is _Outcome.LOADED:
            return True
        return self._load_requests(path, list(read_frames(path.read_bytes())))

    def _load_requests(self, path: Path, bodies: Sequence[bytes]) -> bool:
        """Load what of an unreadable segment can be read: halve it until the culprits are alone, set those aside."""
        part = path.with_suffix(".part")
        pending = [(f"{path.stem}-0", list(map(_canonical_or_same, bodies)))]
        while pending:
            token, group = pending.pop()
            part.write_bytes(b"".join(map(frame, group)))
            outcome = self._try(part, token=token)
            if outcome is _Outcome.RETRY:
                self.counts.retries += 1
                pending.append((token, group))
                if self._abandoned.wait(_FIRST_RETRY_SECONDS):
                    return False
            elif outcome is _Outcome.UNREADABLE and len(group) > 1:
                middle = len(group) // 2
                pending += [(f"{token}1", group[middle:]), (f"{token}0", group[:middle])]
            elif outcome is _Outcome.UNREADABLE:
                self.counts.quarantined += 1
                self._quarantine.add(group[0], reason=self._last_error)
        part.unlink(missing_ok=True)
        return True

    def _try(self, path: Path, token: str) -> _Outcome:
        settings = READ_SETTINGS | _ONE_BLOCK | {"insert_deduplication_token": token}
        columns = ", ".join(f"`{column}`" for column in COLUMNS)
        try:
            with self._ledger.borrow() as client:
                client.command(f"INSERT INTO otel_traces ({columns}) {select_rows(str(path))}", settings=settings)
        except DatabaseError as error:
            self._last_error = str(error)
            _log.warning("Segment %s was not loaded: %s", path.name, error)
            return _Outcome.RETRY if error.code is None or error.code in _OUTSIDE_CAUSES else _Outcome.UNREADABLE
        return _Outcome.LOADED


def _canonical_or_same(body: bytes) -> bytes:
    try:
        return canonical(body)
    except InvalidRequestError:
        return body

"""Where a loader puts a segment: the engine in this process, or a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import clickhouse_connect

from spanledger_clickhouse.literals import settings_text
from spanledger_clickhouse.priority import background_settings
from spanledger_collector.nested_values import register_functions
from spanledger_collector.rows import COLUMNS, READ_SETTINGS, select_rows

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["EmbeddedSink", "ServerSink", "Sink"]

_ONE_BLOCK: Final = {
    # A segment is one block, so that its token covers all of it and a retry cannot be split differently.
    "max_insert_threads": "1",
    "min_insert_block_size_rows": "1000000000",
    "min_insert_block_size_bytes": "0",
    # Repeats within one segment are rare, and readers and merges drop them anyway.
    "optimize_on_insert": "0",
    # Spans may be of any day; the limit would refuse the whole segment for a few old ones.
    "max_partitions_per_insert_block": "0",
}
_ON_A_SERVER: Final = {
    "async_insert": "0",
    # Older servers leave the views out of deduplication by default.
    "deduplicate_blocks_in_dependent_materialized_views": "1",
}

_WHOLE: Final = {"max_block_size": "1000000000", "preferred_block_size_bytes": "0"}
"""Settings that give a segment as one block."""


class Sink(Protocol):
    """Puts the spans of a segment into ``otel_traces``."""

    def load(self, segment: Path, token: str) -> None:
        """Insert every span of a segment file.

        Args:
            segment: The file.
            token: Names the content: with the same token the same content may be loaded again without harm.

        Raises:
            DatabaseError: The content cannot be read, or the ledger did not take it; the code says which.
        """
        ...


class EmbeddedSink:
    """Has the embedded engine read the file straight into the table.

    Args:
        ledger: An embedded ledger with the current schema.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._priority = background_settings(ledger)
        register_functions()

    def load(self, segment: Path, token: str) -> None:
        """As :meth:`Sink.load`."""
        columns = ", ".join(f"`{column}`" for column in COLUMNS)
        settings = READ_SETTINGS | _ONE_BLOCK | self._priority | {"insert_deduplication_token": token}
        # In the statement: as an argument each would be set before and set back after, two statements more apiece.
        with self._ledger.borrow() as client:
            client.command(
                f"INSERT INTO otel_traces ({columns}) SETTINGS {settings_text(settings)} {select_rows(str(segment))}"
            )
        self._ledger.origin.loaded.set()


class ServerSink:
    """Has an engine in this process, without any data of its own, read the file, and sends its blocks to the server.

    The one SELECT serves both deployments: the server needs neither the file nor the function for nested values.

    Args:
        ledger: A ledger on a server with the current schema.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._reader = clickhouse_connect.get_client(interface="chdb", chdb_options={"async_insert": "0"})
        register_functions()

    def load(self, segment: Path, token: str) -> None:
        """As :meth:`Sink.load`."""
        rows = self._reader.raw_query(select_rows(str(segment)), settings=READ_SETTINGS | _WHOLE, fmt="Native")
        if not rows:
            return
        settings = _ON_A_SERVER | _ONE_BLOCK | {"insert_deduplication_token": token}
        with self._ledger.borrow() as client:
            client.raw_insert("otel_traces", COLUMNS, rows, settings=settings, fmt="Native")

"""A ledger of two shards to which anything may happen, as one of a single server, and rows that are committed late."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from spanledger_clickhouse.rollups import RollupSweeper
from tests.api.exactness import Recounted, spans_of_any_kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from clickhouse_connect.driver.client import Client

    from tests.api.spans import Span
    from tests.clickhouse.cluster.local_cluster import SpreadLedger, TwoShards

__all__ = ["recount_of_shards"]

_PARTS = """
SELECT path FROM system.parts
WHERE active AND database IN {databases:Array(String)} AND table IN ('cost_records_shard', 'performance_records_shard')
"""


class _RecountedOfShards(Recounted):
    """The same ledger over Distributed tables; what is written to a Distributed table is put where its key says."""

    spread: SpreadLedger
    shards: TwoShards

    def __init__(self) -> None:
        # The last one may have ended before everything was committed.
        self._merges("START")
        for shard in self.shards.shards:
            for row in self.shards.query(
                "SELECT name FROM system.tables WHERE database = {shard:String} AND total_rows > 0", {"shard": shard}
            ):
                self.shards.command(f"TRUNCATE TABLE {shard}.{row['name']}")
        self.spread.hold_back([], [])
        super().__init__()
        self.waiting: list[Span] = []

    @rule(spans=st.lists(spans_of_any_kind, min_size=1, max_size=5))
    @precondition(lambda self: not self.waiting)
    def begin_to_commit(self, spans: list[Span]) -> None:
        """Blocks have their numbers, but nobody sees them yet."""
        self._merges("STOP")
        before = self._parts()
        self.shards.deliver(spans)
        self.waiting = spans
        self.spread.hold_back([span.number for span in spans], sorted(self._parts() - before))

    @rule()
    @precondition(lambda self: self.waiting)
    def commit(self) -> None:
        """They become visible, after blocks with higher numbers."""
        self.spread.hold_back([], [])
        self._merges("START")
        for span in self.waiting:
            self.sent[span.number] = self.held[span.number] = span
        self.waiting = []

    @rule(table=st.sampled_from(("cost_records_local", "performance_records_local", "rollup_pointers_local")))
    @precondition(lambda self: not self.waiting)
    def merge(self, table: str) -> None:
        """Parts are merged; never around one that is not committed."""
        self.spread.command(f"OPTIMIZE TABLE {table} FINAL")

    @rule(data=st.data())
    @precondition(lambda self: self.held and not self.waiting)
    def delete(self, data: st.DataObject) -> None:
        """A record is removed by a mutation; as the run of a step it stays."""
        number = data.draw(st.sampled_from(sorted(self.held)))
        self.held[number] = replace(self.held[number], service="")
        self.sent.pop(number, None)
        mutation = f"DELETE WHERE trace_id = unhex('{number:032x}') SETTINGS mutations_sync = 2"
        self.spread.command(f"ALTER TABLE cost_records_local {mutation}")

    @rule()
    def sweep(self) -> None:
        """What counts no longer is removed."""
        RollupSweeper(self.spread, grace_seconds=0).sweep()

    def _merges(self, word: str) -> None:
        for shard in self.shards.shards:
            for table in ("cost_records_shard", "performance_records_shard"):
                self.shards.command(f"SYSTEM {word} MERGES {shard}.{table}")

    def _parts(self) -> set[str]:
        return {str(row["path"]) for row in self.shards.query(_PARTS, {"databases": self.shards.shards})}

    def _store(self, spans: list[Span]) -> None:
        self.shards.deliver(spans)
        for span in spans:
            self.sent[span.number] = span
            self.held.setdefault(span.number, span)

    def _rebuild_with(self, action: Callable[[], object], statements: int) -> None:
        left = count(statements, -1)
        borrow = self.spread.borrow

        def counted() -> AbstractContextManager[Client]:
            if next(left) == 0:
                action()
            return borrow()

        with mock.patch.object(self.spread, "borrow", counted):
            self.worker.rebuild()


def recount_of_shards(ledger: SpreadLedger, shards: TwoShards) -> None:
    """Let anything happen to a ledger of two shards, and compare every report with a plain recount.

    Raises:
        AssertionError: A report was wrong.
    """

    class OfTheseShards(_RecountedOfShards):
        pass

    OfTheseShards.ledger = OfTheseShards.spread = ledger
    OfTheseShards.shards = shards
    run_state_machine_as_test(OfTheseShards, settings=settings(max_examples=1, stateful_step_count=10, deadline=None))

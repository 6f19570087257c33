"""Accounts for changes on a cluster: looks at every replica, marks what is new, and writes down what was seen."""

from __future__ import annotations

import logging
import time
from calendar import monthrange
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final, cast

from clickhouse_connect.driver.exceptions import ClickHouseError

from spanledger_clickhouse.cluster import shard_name
from spanledger_clickhouse.rollups.everywhere import WrittenEverywhere
from spanledger_clickhouse.rollups.observations import (
    MOST_SEGMENTS,
    Observation,
    look_everywhere,
    read_later_changes,
    read_observation,
)
from spanledger_clickhouse.rollups.pointers import HOUR

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.changes import Progress, Touches
    from spanledger_clickhouse.rollups.family import Source
    from spanledger_clickhouse.rollups.observations import Sighting
    from spanledger_clickhouse.rollups.pointers import Pointers
    from spanledger_clickhouse.rollups.slicing import Slicer

__all__ = ["Observer"]

_log = logging.getLogger(__name__)

_EPOCH: Final = date(1970, 1, 1)
_AWAY_SECONDS: Final = 30.0
_MOST_AT_ONCE: Final = 2_000
"""So many hours fit into the parameters of a statement."""

# A replica that is registered and not in the cluster's list may make up the number of those that have an insert.
_COPIES: Final = """
SELECT max(active_replicas) AS copies
FROM cluster('$cluster', system.replicas)
WHERE _shard_num = 1 AND database = {database:String} AND table = {table:String}
"""


class Observer:
    """What a worker needs on a cluster in place of block numbers.

    Args:
        ledger: A ledger on a cluster, with the current schema.

    Attributes:
        ledger: The same, for all that the worker writes.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = WrittenEverywhere(ledger)
        self._looks_again_at = 0.0
        self._last: dict[Source, Observation] = {}
        self._next: dict[Source, Observation] = {}

    def progress(self, source: Source) -> Progress:
        """How far the changes of a source are accounted for; the newest block is the number of the next observation.

        While a replica is away nothing is summed up: then the blocks count as not numbered.

        Raises:
            ClickHouseError: The engine did not answer.
        """
        # Another worker that has accounted for something before this look is seen after it, and its number is lower.
        # So a generation that carries a number was always read after every observation with a lower one.
        seen = self._look(source)
        last = read_observation(self.ledger, source)
        if seen is None or sum(map(len, seen.coverage.segments.values())) > MOST_SEGMENTS:
            return replace(last.progress, numbered=False)
        self.ledger.copies = max(seen.copies, self._registered())
        is_new = (seen.coverage, seen.replicas) != (last.coverage, last.replicas)
        number = max(last.number + 1, time.time_ns()) if is_new else last.number
        self._last[source], self._next[source] = last, Observation(number, seen.coverage, seen.replicas)
        return replace(last.progress, newest=number)

    def account(self, source: Source, pointers: Pointers, slicer: Slicer) -> int:
        """Mark what changed since the last observation, and let the one that was made with the progress count.

        Returns:
            The number up to which every change is marked.

        Raises:
            ClickHouseError: The engine did not do it; what was accounted for has not changed then.
        """
        last, newest = self._last[source], self._next[source]
        if newest.number == last.number:
            return last.number
        # A shard none of whose replicas is known any more counts from the beginning.
        strange = {_shard(each) for each in last.replicas} - {_shard(each) for each in last.replicas & newest.replicas}
        known = last.coverage.without(strange)
        changes = read_later_changes(self.ledger, source, known, newest.number, slicer.current_hours())
        disturbed = last.coverage.missing_from(newest.coverage) | last.coverage.mutated_in(newest.coverage)
        disturbed |= {place for place in last.coverage.segments if place[0] in strange}
        for days in map(_days, {place[1] for place in disturbed}):
            _mark(pointers, dict.fromkeys(pointers.read((HOUR,), days)[HOUR], newest.number))
        slicer.note(pointers, changes, newest.number)
        _mark(pointers, changes.hours)
        newest.write(self.ledger, source)
        return newest.number

    def _look(self, source: Source) -> Sighting | None:
        """What every replica has; None where one is away, which is looked for again in a while."""
        if time.monotonic() < self._looks_again_at:
            return None
        try:
            return look_everywhere(self.ledger, source)
        except ClickHouseError as error:
            self._looks_again_at = time.monotonic() + _AWAY_SECONDS
            _log.warning(
                "Sums are not kept up while a replica is away, reports read the records instead; "
                "it is looked for again in %.0f seconds: %s",
                _AWAY_SECONDS,
                error,
            )
            return None

    def _registered(self) -> int:
        """How many replicas of the first shard are alive, whether the cluster's list has them or not."""
        sql = _COPIES.replace("$cluster", self.ledger.dsn.cluster)
        bound = {"database": self.ledger.dsn.database, "table": shard_name("rollup_pointers_local")}
        return max(cast("int", row["copies"]) for row in self.ledger.query(sql, bound))


def _mark(pointers: Pointers, touches: Touches) -> None:
    hours = list(touches)
    for first in range(0, len(hours), _MOST_AT_ONCE):
        pointers.mark({hour: touches[hour] for hour in hours[first : first + _MOST_AT_ONCE]})


def _shard(replica: str) -> int:
    return int(replica.split(" ", 1)[0])


def _days(month: str) -> list[int] | None:
    """The days, counted from 1970, that a partition of the records is about; None where its name is no month."""
    if not month.isdecimal():
        return None
    year, number = int(month[:4]), int(month[4:])
    first = (date(year, number, 1) - _EPOCH).days
    return list(range(first, first + monthrange(year, number)[1]))

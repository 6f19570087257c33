"""Slices of the hours that are being written to: what changed in each, and which generation of it counts.

An hour that spans arrive in never rests, and may hold millions of records. Its slices do once their time has passed:
they are summed up one by one, added up to minutes, and in the end to the hour. As soon as the hour as a whole has a
generation they count no longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from spanledger_clickhouse.rollups.changes import HOUR_NS, SLICE_NS, Touches
from spanledger_clickhouse.rollups.family import Source
from spanledger_clickhouse.rollups.pointers import HOUR, Buckets, Pointer, touched

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["SLICE", "WITHIN_HOUR", "SlicedHour", "Slices", "current_hours"]

SLICE: Final = SLICE_NS // 1_000_000_000
"""Width of a slice, in seconds."""

WITHIN_HOUR: Final = (600, 60, SLICE)
"""Widths of the buckets that a sliced hour is made of, in seconds, the widest first; each is made of the next."""

_CURRENT: Final = 3
"""So many hours are sliced, the running one included: what starts is told of when it ends."""

_READ_TOUCHES: Final = """
SELECT hour, argMax((complete_until, slices, rollup_slices_local.touched), complete_until) AS newest
FROM rollup_slices_local
WHERE source = {source:String} AND table_id = {table_id:UUID} AND hour NOT IN ($whole)
GROUP BY hour
"""
_READ_POINTERS: Final = """
SELECT hour, seconds, bucket, max((generation, horizon)) AS pointer
FROM rollup_slice_pointers_local
WHERE source = {source:String} AND table_id = {table_id:UUID} AND hour NOT IN ($whole)
GROUP BY hour, seconds, bucket
"""
_WHOLE: Final = f"""
SELECT bucket FROM rollup_pointers_local
WHERE source = {{source:String}} AND table_id = {{table_id:UUID}} AND width = {HOUR}
"""  # noqa: S608 - no value of a caller's
_NOTE: Final = """
INSERT INTO rollup_slices_local (source, table_id, hour, complete_until, slices, touched)
SELECT {source:String}, {table_id:UUID}, {hour:Int32}, {until:UInt64}, {slices:Array(UInt16)}, {blocks:Array(UInt64)}
"""
_POINT: Final = """
INSERT INTO rollup_slice_pointers_local (source, table_id, hour, seconds, bucket, generation, horizon)
SELECT {source:String}, {table_id:UUID}, {hour:Int32}, {seconds:UInt16}, pointed.1, pointed.2, {horizon:UInt64}
FROM (SELECT arrayJoin(arrayZip({buckets:Array(UInt16)}, {generations:Array(UInt64)})) AS pointed)
"""
# Spans of these have ids of what they are about: the same record may come again with another start. Reading some
# seconds only would meet the one without the other.
_REPEATABLE: Final = """
SELECT DISTINCT toInt32(intDiv(toUnixTimestamp64Nano(started_at), {hour_ns:Int64})) AS hour
FROM repeatable_records_local
WHERE started_at >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
"""


def current_hours(now_ns: int) -> range:
    """The hours whose slices are told apart at some moment, both counted from 1970."""
    running = now_ns // HOUR_NS
    return range(running - _CURRENT + 1, running + 1)


@dataclass(slots=True)
class SlicedHour:
    """What is known of the slices of one hour.

    Attributes:
        complete_until: Every change up to this block is in the touches.
        touches: By slice of the hour, the newest block that changed it. A slice that is not in it has no records.
        pointers: What was summed up, by width in seconds, then by bucket of the hour; their ``touched`` says nothing.
    """

    complete_until: int = 0
    touches: Touches = field(default_factory=Touches)
    pointers: Buckets = field(default_factory=lambda: {width: {} for width in WITHIN_HOUR})

    def holds(self, block: int) -> bool:
        """Whether it tells of all that changed up to a block; of one that says nothing, only where nothing did."""
        return self.complete_until >= block

    def buckets(self, later: Mapping[int, int]) -> Buckets:
        """What is known of its buckets after later changes of slices, by width; only those that were ever changed."""
        touches = merged(self.touches, later)
        return {width: touched(self.pointers[width], touches, width // SLICE) for width in WITHIN_HOUR}


def merged(touches: Mapping[int, int], later: Mapping[int, int]) -> Touches:
    """The newest block of each."""
    return {slice_: max(touches.get(slice_, 0), later.get(slice_, 0)) for slice_ in {*touches, *later}}


class Slices:
    """The slices of one table of records.

    Args:
        ledger: Where they are.
        source: The records they are about.
        table_id: The table that holds those records.
    """

    def __init__(self, ledger: Ledger, source: Source, table_id: UUID) -> None:
        self._ledger = ledger
        self._source = source
        self._named: dict[str, object] = {"source": source.value, "table_id": table_id}

    def read(self) -> dict[int, SlicedHour]:
        """The hours that have slices and no generation as a whole.

        Raises:
            ClickHouseError: The engine did not answer.
        """
        hours: dict[int, SlicedHour] = {}
        for row in self._ledger.query(_READ_TOUCHES.replace("$whole", _WHOLE), self._named):
            until, slices, blocks = cast("tuple[int, list[int], list[int]]", row["newest"])
            hours[cast("int", row["hour"])] = SlicedHour(until, dict(zip(slices, blocks, strict=True)))
        for row in self._ledger.query(_READ_POINTERS.replace("$whole", _WHOLE), self._named) if hours else ():
            hour, width, bucket = (cast("int", row[name]) for name in ("hour", "seconds", "bucket"))
            if hour in hours and width in WITHIN_HOUR:
                generation, horizon = cast("tuple[int, int]", row["pointer"])
                hours[hour].pointers[width][bucket] = Pointer(0, generation, horizon)
        return hours

    def repeatable_hours(self, first: int) -> Collection[int]:
        """The hours from one on in which a record may come again with another start; raises as :meth:`read`."""
        if self._source is not Source.COST:
            return ()
        rows = self._ledger.query(_REPEATABLE, {"hour_ns": HOUR_NS, "first": first * HOUR_NS})
        return {cast("int", row["hour"]) for row in rows}

    def note(self, hour: int, touches: Touches, until: int) -> None:
        """Write down what changed in an hour: everything up to a block.

        Raises:
            ClickHouseError: The engine did not take it.
        """
        said = {"hour": hour, "until": until, "slices": list(touches), "blocks": list(touches.values())}
        self._ledger.command(_NOTE, {**self._named, **said})

    def point(self, hour: int, width: int, generations: Mapping[int, int], horizon: int) -> None:
        """Let generations count from now on, by bucket. Their sums must be there already; raises as :meth:`note`."""
        if generations:
            chosen = {"buckets": list(generations), "generations": list(generations.values())}
            said = {"hour": hour, "seconds": width, "horizon": horizon}
            self._ledger.command(_POINT, {**self._named, **chosen, **said})

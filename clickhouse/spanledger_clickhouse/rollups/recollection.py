"""Keeps the records of the last seconds in memory, each once, while many arrive.

A report reads those seconds twice, and the next report reads them again: a hundred thousand rows in a dozen small
parts, whose identifiers are counted each time to be sure that none is there twice. Here they are taken out of the table
once, compared once, and then only what blocks have brought since. Where a record is met twice all of it is forgotten,
and the table is asked as if there were no memory.

Blocks are numbered in the order of their commits, so whoever has read the records of some seconds up to a block has all
of them once he has read those of later blocks. A record can only go by another of the same identity coming, in a later
block, or by a mutation, which has a number of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from string import Template
from typing import TYPE_CHECKING, Final, TypeVar, cast
from weakref import WeakKeyDictionary

from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger_clickhouse.rollups.changes import HOUR_NS, SLICE_NS, bucket_sql
from spanledger_clickhouse.rollups.distinct import ask_distinct, be_wary, is_wary
from spanledger_clickhouse.rollups.family import FAMILIES, Source
from spanledger_clickhouse.rollups.moment import Held, held_now, publish, taking_in
from spanledger_clickhouse.rollups.reading import plan_reading
from spanledger_clickhouse.rollups.stretches import recent_records_within

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.distinct import Records
    from spanledger_clickhouse.rollups.moment import Moment
    from spanledger_clickhouse.rollups.reading import ReadingPlan

__all__ = ["ask_recent", "keep_up"]

_log: Final = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

_MANY: Final = 5_000
"""Where fewer records arrived since the worker's last pass, reading them from the table is cheaper."""

_MOST_SLICES: Final = 12
"""A minute is kept at most."""

_KEPT_SECONDS: Final = 10.0
"""After so long what is still read goes to a new table and the rest is forgotten, so that it does not grow."""

_GRACE_SECONDS: Final = 60.0
"""A statement that names what was forgotten has ended long before this is over."""

_ASKED_SECONDS: Final = 3.0
"""Where nobody asked for so long nothing is taken in beforehand."""

_LATELY_NS: Final = 2 * HOUR_NS
_UNKNOWN_TABLE: Final = 60

_MEASURED: Final = {
    Source.COST: ("total_cost", "quantity", "duration_ns", "is_deleted"),
    Source.PERFORMANCE: ("duration_ns",),
}
"""By source: the columns that measures are made of, and what says that a record does not count."""

_KEEP: Final = """
INSERT INTO $memory
SELECT $columns, cityHash64(trace_id, span_id) AS identity, _block_number AS block, {step:UInt32} AS step
FROM $table
PREWHERE $within
WHERE $later
"""
# As in what tells the changes, the name of a part is looked at once a part, before anything of it is read.
_LATER: Final = "_block_number > {until:UInt64} AND indexHint(toUInt64(splitByChar('_', _part)[3]) > {until:UInt64})"
_LATER_OR_UNKNOWN: Final = f"(_block_number > {{until:UInt64}} OR {bucket_sql(SLICE_NS)} IN {{unknown:Array(Int64)}})"
# Only what the last step brought is compared: with itself, and with what was there before and is distinct already.
_KEPT: Final = """
SELECT
    count() AS records,
    uniqExact(identity) AS identities,
    max(block) AS newest,
    (
        SELECT count() FROM $memory
        WHERE step < {step:UInt32} AND identity IN (SELECT identity FROM $memory WHERE step = {step:UInt32})
    ) AS repeats
FROM $memory
WHERE step = {step:UInt32}
"""
_RENEW: Final = f"""
INSERT INTO $renewed
SELECT * REPLACE (toUInt32(0) AS step) FROM $memory
WHERE {bucket_sql(SLICE_NS)} IN {{slices:Array(Int64)}}
"""  # noqa: S608 - no value of a caller's


@dataclass(slots=True)
class _Memory:
    """The records of some slices, of one source: those of blocks up to one; the table may hold later ones."""

    table: str
    mutation: int
    began: float = field(default_factory=time.monotonic)
    until: int = 0
    slices: set[int] = field(default_factory=set[int])
    steps: int = 0

    @property
    def is_old(self) -> bool:
        """Whether it is to be renewed or forgotten."""
        return time.monotonic() - self.began > _KEPT_SECONDS

    @property
    def reader(self) -> Records:
        """How its records are read."""
        read = f"{self.table} WHERE block <= {self.until} AND "
        return lambda source, within: f"{read}{within}{' AND is_deleted = 0' if source is Source.COST else ''}"


@dataclass(slots=True)
class _Memories:
    """What is remembered of one ledger."""

    database: str
    kept: dict[Source, _Memory] = field(default_factory=dict[Source, _Memory])
    outdated: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    """When a table was forgotten, and its name."""
    asked_at: float = 0.0
    """When a question last read from memory."""
    locks: dict[Source, threading.Lock] = field(default_factory=lambda: {source: threading.Lock() for source in Source})


_memories: Final[WeakKeyDictionary[Ledger, _Memories]] = WeakKeyDictionary()
_lock: Final = threading.Lock()


def ask_recent(ledger: Ledger, source: Source, plan: ReadingPlan, ask: Callable[[Records], _Answer]) -> _Answer:
    """Ask a question whose plan reads recent records: of those in memory, or in the cheapest way that holds.

    Args:
        ledger: What is asked.
        source: The records.
        plan: What is read.
        ask: Asks, with the recent records read as it is told.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    is_possible = plan.recent and ledger.dsn.embedded and not ledger.dsn.cluster and not is_wary(ledger)
    kept = _held(ledger, source, plan) or _recollect(ledger.origin, source, plan) if is_possible else None
    if kept is None:
        return ask_distinct(ledger, ask)
    _of(ledger.origin).asked_at = time.monotonic()
    try:
        return ask(kept)
    except DatabaseError as error:
        # The engine's memory is gone when the last of its connections is closed, as after an error.
        if error.code != _UNKNOWN_TABLE:
            raise
    be_wary(ledger)
    return ask_distinct(ledger, ask)


def keep_up(ledger: Ledger) -> None:
    """Take in what has arrived before the next question has to, if there was one lately; drop what is forgotten.

    Questions are answered as of then for a while: see :mod:`spanledger_clickhouse.rollups.moment`.

    Raises:
        ClickHouseError: The engine did not do it.
    """
    memories = _memories.get(ledger.origin)
    if memories is None:
        return
    if memories.kept and time.monotonic() - memories.asked_at < _ASKED_SECONDS and not is_wary(ledger):
        with taking_in(ledger) as moment:
            taken_in = [_take_in(ledger, source, memories, moment) for source in Source]
        if all(taken_in):
            publish(ledger, moment)
    _forget_outdated(ledger.origin, memories)


def _take_in(ledger: Ledger, source: Source, memories: _Memories, moment: Moment) -> bool:
    """Take in what arrived of a source, if its records are kept; False where that cannot be done."""
    plan = plan_reading(ledger, source, (time.time_ns() - _LATELY_NS, None))
    if not plan.recent or source not in memories.kept:
        return True
    records = _recollect(ledger, source, plan)
    if records is not None:
        moment.held[source] = Held(_slices_of(plan), records)
    return records is not None


def _forget_outdated(ledger: Ledger, memories: _Memories) -> None:
    for source, lock in memories.locks.items():
        with lock:
            if (memory := memories.kept.get(source)) is not None and memory.is_old:
                _forget(memories, source)
    for since, table in list(memories.outdated):
        if time.monotonic() - since > _GRACE_SECONDS:
            ledger.command(f"DROP TABLE IF EXISTS {table}")
            memories.outdated.remove((since, table))


def _recollect(ledger: Ledger, source: Source, plan: ReadingPlan) -> Records | None:
    """How the recent records of a plan are read from memory; None where they are better read from the table."""
    memories = _of(ledger.origin)
    wanted = _slices_of(plan)
    with memories.locks[source]:
        memory = memories.kept.get(source)
        if memory is not None and memory.mutation != plan.mutation:
            _forget(memories, source)
            memory = None
        if len(wanted) > _MOST_SLICES or (memory is None and plan.arrived < _MANY):
            return None
        try:
            if memory is None:
                memory = memories.kept[source] = _begin(ledger, memories, source, plan.mutation)
            elif memory.is_old:
                memory = _renew(ledger, memories, source, memory, wanted)
            if _keep_up(ledger, source, memory, wanted, plan.changed_until):
                return memory.reader
        except DatabaseError as error:
            _log.warning("Recent records are not kept in memory for a while: %s", error)
        _forget(memories, source)
        be_wary(ledger)
        return None


def _held(ledger: Ledger, source: Source, plan: ReadingPlan) -> Records | None:
    """How they are read as of the moment of the question, if it tells and is of all of them."""
    held = held_now(ledger, source)
    return held.records if held is not None and _slices_of(plan) <= held.slices else None


def _slices_of(plan: ReadingPlan) -> frozenset[int]:
    """The slices whose records a plan reads, counted from 1970."""
    return frozenset(each for first, after in plan.recent for each in range(first // SLICE_NS, -(-after // SLICE_NS)))


def _of(ledger: Ledger) -> _Memories:
    with _lock:
        return _memories.setdefault(ledger, _Memories(f"`{ledger.dsn.database}_memory`"))


def _begin(ledger: Ledger, memories: _Memories, source: Source, mutation: int) -> _Memory:
    table = f"{memories.database}.{source.table}_{time.time_ns()}"
    # Of the engine of databases that is forgotten with the process: nothing of it is ever written to the disk.
    ledger.command(f"CREATE DATABASE IF NOT EXISTS {memories.database} ENGINE = Memory")
    own = "toUInt64(0) AS identity, toUInt64(0) AS block, toUInt32(0) AS step"
    rows = f"SELECT {_columns(source)}, {own} FROM {source.table}"  # noqa: S608 - every name is of an enumeration
    ledger.command(f"CREATE TABLE {table} ENGINE = Memory EMPTY AS {rows}")
    return _Memory(table, mutation)


def _renew(ledger: Ledger, memories: _Memories, source: Source, old: _Memory, wanted: Collection[int]) -> _Memory:
    """Go on with what is still read, in a table of its own; statements that name the old one may still run."""
    renewed = _begin(ledger, memories, source, old.mutation)
    renewed.until, renewed.slices = old.until, old.slices.intersection(wanted)
    statement = Template(_RENEW).substitute(renewed=renewed.table, memory=old.table)
    ledger.command(statement, {"slices": sorted(renewed.slices)})
    _forget(memories, source)
    memories.kept[source] = renewed
    return renewed


def _forget(memories: _Memories, source: Source) -> None:
    if (memory := memories.kept.pop(source, None)) is not None:
        memories.outdated.append((time.monotonic(), memory.table))


def _keep_up(ledger: Ledger, source: Source, memory: _Memory, wanted: Collection[int], newest: int) -> bool:
    """Take in the slices that are not kept yet, and what later blocks brought to the others.

    Returns:
        Whether all records are there once; where not, what is in memory is of no use any more.
    """
    unknown = set(wanted) - memory.slices
    if not unknown and memory.until >= newest:
        return True
    slices = sorted(memory.slices | unknown)
    within, edges = recent_records_within([(number * SLICE_NS, (number + 1) * SLICE_NS) for number in slices])
    statement = Template(_KEEP).substitute(
        memory=memory.table,
        columns=_columns(source),
        table=source.table,
        within=within,
        later=_LATER_OR_UNKNOWN if unknown else _LATER,
    )
    step = memory.steps = memory.steps + 1
    ledger.command(statement, {**edges, "until": memory.until, "unknown": sorted(unknown), "step": step})
    (row,) = ledger.query(Template(_KEPT).substitute(memory=memory.table), {"step": step})
    memory.slices |= unknown
    memory.until = max(memory.until, newest, cast("int", row["newest"]))
    return row["records"] == row["identities"] and not row["repeats"]


def _columns(source: Source) -> str:
    keys = {key for family in FAMILIES if family.source is source and not family.is_lookup for key in family.keys}
    return ", ".join(["started_at", *sorted(keys), *_MEASURED[source]])

"""On a cluster: which blocks of the records were accounted for, and what changed since.

An observation is the set of blocks that every replica of every shard had when a worker looked. Its number is what
marks, pointers and slices carry on a cluster in place of a block's. A row is in what was observed, and then its hour is
marked, or it is not, and then whoever reads looks at it: never in neither. Because every replica has what was observed,
it does not matter which of them answers a later statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from spanledger_clickhouse.cluster import shard_name
from spanledger_clickhouse.rollups.changes import HOUR_NS, HOUR_SQL, LAST_NS, SLICE_NS, Changes, Progress
from spanledger_clickhouse.rollups.coverage import Coverage, Segment
from spanledger_clickhouse.table_writes import TABLE_ID

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.family import Source

__all__ = [
    "MOST_SEGMENTS",
    "OBSERVATIONS",
    "UNSEEN",
    "Observation",
    "Sighting",
    "look",
    "look_everywhere",
    "read_later_changes",
    "read_observation",
]

UNSEEN: Final = 2**63 - 1
"""Stands for the observation that will be the first with what was not observed yet: no generation holds it."""

MOST_SEGMENTS: Final = 5_000
"""An observation of more would not fit into the parameters of a statement; tables with so many parts are not well."""

OBSERVATIONS: Final = "rollup_observations_local"
"""The table that says what was observed; its newest row counts."""

_RECORDS_OF_CLUSTER: Final = UUID(int=0)
"""In place of a table's id, which differs between nodes: an observation says itself whose blocks it is about."""

_STRIDE: Final = 2**40
"""More than a partition ever has blocks."""

_LOOK: Final = """
SELECT
    _shard_num AS shard,
    hostName() AS host,
    table,
    extract(any(path), {of_table:String}) AS table_id,
    groupArrayIf(name, table = {records:String}) AS parts,
    groupBitXor(cityHash64(name)) AS names,
    count() AS number
FROM cluster('$cluster', system.parts)
WHERE active AND database = {database:String} AND table IN {tables:Array(String)}
GROUP BY shard, host, table
SETTINGS skip_unavailable_shards = 0
"""

# Whoever has no parts must be missed too. All replicas are numbered through, shard by shard, if each is a shard.
_LOOK_EVERYWHERE: Final = """
SELECT replicas.shard AS shard, replicas.address AS address, parts.host AS host, parts.table_id AS table_id,
    parts.names AS parts
FROM
(
    SELECT shard_num AS shard, row_number() OVER (ORDER BY shard_num, replica_num) AS position,
        concat(host_name, ' ', toString(port)) AS address
    FROM system.clusters
    WHERE cluster = {cluster:String}
) AS replicas
LEFT JOIN
(
    SELECT _shard_num AS position, hostName() AS host, extract(any(path), {of_table:String}) AS table_id,
        groupArray(name) AS names
    FROM clusterAllReplicas('$cluster', system.parts)
    WHERE active AND database = {database:String} AND table = {records:String}
    GROUP BY position, host
) AS parts USING (position)
SETTINGS skip_unavailable_shards = 0
"""

_READ: Final = f"""
SELECT number, replicas, shards, partitions, firsts, lasts, mutations
FROM {OBSERVATIONS}
WHERE source = {{source:String}}
ORDER BY number DESC
LIMIT 1
"""  # noqa: S608 - no value of a caller's
_WRITE: Final = """
INSERT INTO rollup_observations_local (source, number, replicas, shards, partitions, firsts, lasts, mutations)
SELECT {source:String}, {number:UInt64}, {replicas:Array(String)}, {shards:Array(UInt32)}, {partitions:Array(String)},
    {firsts:Array(UInt64)}, {lasts:Array(UInt64)}, {mutations:Array(UInt64)}
"""

# As of a single server, with a set of blocks in place of the highest. A row that was attached to the table from outside
# keeps a number of its old life, which its part's name does not have.
_CHANGES: Final = f"""
WITH
    splitByChar('_', _part) AS words,
    toUInt64(words[2]) AS first,
    toUInt64(words[3]) AS last,
    toUInt64(indexOf({{places:Array(String)}}, concat(toString(_shard_num), ' ', words[1]))) * {_STRIDE} AS place,
    roundDown(place + first, {{firsts:Array(UInt64)}}) AS begin_of_part,
    transform(begin_of_part, {{firsts:Array(UInt64)}}, {{lasts:Array(UInt64)}}, toUInt64(0)) AS end_of_part,
    transform(
        roundDown(place + _block_number, {{firsts:Array(UInt64)}}),
        {{firsts:Array(UInt64)}}, {{lasts:Array(UInt64)}}, toUInt64(0)) AS end_of_row
SELECT
    {HOUR_SQL} AS hour,
    if(hour IN {{sliced:Array(Int32)}},
        toInt32(intDiv(toUnixTimestamp64Nano(started_at) % {HOUR_NS}, {SLICE_NS})), -1) AS slice
FROM {{table}}
WHERE end_of_part < place + last
    AND (end_of_row < place + _block_number OR _block_number < first OR _block_number > last)
    AND started_at >= fromUnixTimestamp64Nano({{since:Int64}}, 'UTC')
    AND started_at < fromUnixTimestamp64Nano({{until:Int64}}, 'UTC')
GROUP BY hour, slice
"""  # noqa: S608 - the table is of an enumeration


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is visible now.

    Attributes:
        coverage: The blocks of the records that every replica has that was looked at.
        replicas: Which those are: shard, host and id of the table there; without those that have no records.
        copies: How many replicas the first shard has; 0 where it is not known.
        written: By table on the first shard: its parts in two numbers. A change of theirs may be a merge only.
    """

    coverage: Coverage
    replicas: frozenset[str]
    copies: int = 0
    written: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


@dataclass(frozen=True, slots=True)
class Observation:
    """What was accounted for.

    Attributes:
        number: Later ones have greater numbers; 0 where nobody has begun.
        coverage: The blocks that every replica had. Marks tell of all their rows.
        replicas: As of a sighting; whatever else has records was not looked at.
    """

    number: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    replicas: frozenset[str] = frozenset()

    @property
    def progress(self) -> Progress:
        """The same as a single server says it, where nothing has changed since."""
        return Progress(_RECORDS_OF_CLUSTER, self.number, mutation=0, accounted=self.number, numbered=True)

    def tells_of(self, seen: Sighting) -> bool:
        """Whether marks and rows that were not observed tell of all that is to be seen now."""
        # A mutation may have emptied hours, and so has what is not there any more: no row tells of either.
        is_there = seen.replicas <= self.replicas and seen.coverage.covers(self.coverage)
        return is_there and not self.coverage.mutated_in(seen.coverage)

    def write(self, ledger: Ledger, source: Source) -> None:
        """Let it count from now on: its marks must be there already.

        Raises:
            ClickHouseError: The engine did not take it.
        """
        each = [(shard, name, segment) for (shard, name), found in self.coverage.segments.items() for segment in found]
        said = {
            "source": source.value,
            "number": self.number,
            "replicas": sorted(self.replicas),
            "shards": [shard for shard, _, _ in each],
            "partitions": [name for _, name, _ in each],
            "firsts": [segment.first for _, _, segment in each],
            "lasts": [segment.last for _, _, segment in each],
            "mutations": [segment.mutation for _, _, segment in each],
        }
        ledger.command(_WRITE, said)


def look(ledger: Ledger, source: Source, state: Iterable[str]) -> Sighting:
    """What the replicas have now that statements read.

    Args:
        ledger: A ledger on a cluster.
        source: The records.
        state: Tables of which only is asked whether anything was written.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    names = {shard_name(table): table for table in state}
    records = shard_name(source.table)
    rows = ledger.query(
        _LOOK.replace("$cluster", ledger.dsn.cluster),
        {
            "database": ledger.dsn.database,
            "records": records,
            "tables": [records, *names],
            "of_table": TABLE_ID,
        },
    )
    of_records = [row for row in rows if row["table"] == records]
    return Sighting(
        Coverage.of_parts((shard, name) for row in of_records for shard, name in _parts(row)),
        frozenset(map(_replica, of_records)),
        written={
            names[str(row["table"])]: (cast("int", row["names"]), cast("int", row["number"]))
            for row in rows
            if row["shard"] == 1 and row["table"] in names
        },
    )


def look_everywhere(ledger: Ledger, source: Source) -> Sighting | None:
    """What every replica has now; None where the replicas cannot be told apart.

    Raises:
        ClickHouseError: The engine did not answer, or a replica is not there.
    """
    rows = ledger.query(
        _LOOK_EVERYWHERE.replace("$cluster", ledger.dsn.cluster),
        {
            "cluster": ledger.dsn.cluster,
            "database": ledger.dsn.database,
            "records": shard_name(source.table),
            "of_table": TABLE_ID,
        },
    )
    if len({row["address"] for row in rows}) != len(rows):
        return None
    by_shard: dict[int, Coverage] = {}
    for row in rows:
        shard, coverage = cast("int", row["shard"]), Coverage.of_parts(_parts(row))
        by_shard[shard] = by_shard[shard].common(coverage) if shard in by_shard else coverage
    return Sighting(
        Coverage({place: each for found in by_shard.values() for place, each in found.segments.items()}),
        frozenset(_replica(row) for row in rows if row["parts"]),
        copies=sum(row["shard"] == 1 for row in rows),
    )


def read_observation(ledger: Ledger, source: Source) -> Observation:
    """The newest observation.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    rows = ledger.query(_READ, {"source": source.value})
    if not rows:
        return Observation()
    (row,) = rows
    columns = (cast("Sequence[int]", row[name]) for name in ("shards", "firsts", "lasts", "mutations"))
    found = zip(cast("Sequence[str]", row["partitions"]), *columns, strict=True)
    return Observation(
        cast("int", row["number"]),
        Coverage.of(((shard, name), Segment(first, last, mutation)) for name, shard, first, last, mutation in found),
        frozenset(cast("Sequence[str]", row["replicas"])),
    )


def read_later_changes(  # noqa: PLR0913 - two of them narrow the question
    ledger: Ledger,
    source: Source,
    coverage: Coverage,
    touched: int,
    sliced: Collection[int] = (),
    *,
    hour: int | None = None,
) -> Changes:
    """What rows changed that are not in a set of blocks; hours before 1970 are left out.

    Args:
        ledger: A ledger on a cluster.
        source: The records.
        coverage: The blocks that are not looked at.
        touched: The number under which the changes are given back.
        sliced: Hours whose slices are told apart.
        hour: Only this hour; None looks at all.

    Raises:
        ClickHouseError: The engine did not answer.
    """
    window = (0, LAST_NS) if hour is None else (hour * HOUR_NS, (hour + 1) * HOUR_NS)
    bound = {"sliced": sorted(sliced), "since": window[0], "until": window[1], **_bound(coverage)}
    changes = Changes()
    for row in ledger.query(_CHANGES.replace("{table}", source.table), bound):
        changed, slice_ = cast("int", row["hour"]), cast("int", row["slice"])
        changes.hours[changed] = touched
        if slice_ >= 0:
            changes.slices.setdefault(changed, {})[slice_] = touched
    return changes


def _bound(coverage: Coverage) -> dict[str, object]:
    """A set of blocks as three lists: block 5 of the second place is 5 more than two strides."""
    places = list(coverage.segments)
    numbered = [
        (number * _STRIDE, segment) for number, place in enumerate(places, 1) for segment in coverage.segments[place]
    ]
    return {
        "places": [f"{shard} {partition}" for shard, partition in places],
        # The first segment is of no place: there must be one below every block.
        "firsts": [0, *(base + segment.first for base, segment in numbered)],
        "lasts": [0, *(base + segment.last for base, segment in numbered)],
    }


def _parts(row: Mapping[str, object]) -> list[tuple[int, str]]:
    return [(cast("int", row["shard"]), name) for name in cast("Sequence[str]", row["parts"])]


def _replica(row: Mapping[str, object]) -> str:
    return f"{row['shard']} {row['host']} {row['table_id']}"

"""Marks and pointers: which buckets changed up to when, and which generation of a bucket counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.changes import Touches
    from spanledger_clickhouse.rollups.family import Source

__all__ = ["DAY", "FROM_DAY", "HOUR", "STATE_TABLES", "WITHIN_DAY", "Buckets", "Pointer", "Pointers", "touched"]

HOUR: Final = 1
"""Width of an hour's bucket, in hours."""

DAY: Final = 24
"""Width of a day's bucket, in hours."""

WITHIN_DAY: Final = (4, HOUR)
"""Widths of the buckets that days are made of, the widest first; each is made of the next."""

FROM_DAY: Final = (16 * DAY, 4 * DAY, DAY)
"""Widths from a day on, likewise: a month is some ten buckets, and a late span touches few of them."""

STATE_TABLES: Final = (
    *("rollup_pointers_local", "rollup_slice_pointers_local"),
    *("rollup_marks_local", "rollup_slices_local", "rollup_progress_local"),
)
"""The tables that say what counts; pointers come before what tells that they are outdated."""

_READ: Final = """
SELECT width, bucket, max(touched) AS newest, max((generation, horizon)) AS pointer
FROM
(
    SELECT {base:UInt16} AS width, toInt32(intDiv(hour, {base:UInt16})) AS bucket, touched, toUInt64(0) AS generation,
        toUInt64(0) AS horizon
    FROM rollup_marks_local
    WHERE source = {source:String} AND table_id = {table_id:UUID}
    UNION ALL
    SELECT width, bucket, toUInt64(0), generation, horizon
    FROM rollup_pointers_local
    WHERE source = {source:String} AND table_id = {table_id:UUID} AND width IN {widths:Array(UInt16)}
)
WHERE $within
GROUP BY width, bucket
"""
_OF_DAYS: Final = f"intDiv(bucket * width, {DAY}) IN {{days:Array(Int64)}}"
_MARK: Final = """
INSERT INTO rollup_marks_local (source, table_id, hour, touched)
SELECT {source:String}, {table_id:UUID}, mark.1, mark.2
FROM (SELECT arrayJoin(arrayZip({hours:Array(Int32)}, {blocks:Array(UInt64)})) AS mark)
"""
_POINT: Final = """
INSERT INTO rollup_pointers_local (source, table_id, width, bucket, generation, horizon)
SELECT {source:String}, {table_id:UUID}, {width:UInt16}, pointed.1, pointed.2, {horizon:UInt64}
FROM (SELECT arrayJoin(arrayZip({buckets:Array(Int32)}, {generations:Array(UInt64)})) AS pointed)
"""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is known of one bucket.

    Attributes:
        touched: The newest block that changed it.
        generation: Number of the generation that counts; 0 where none was made.
        horizon: That generation holds every change up to this block.
    """

    touched: int
    generation: int
    horizon: int

    @property
    def is_clean(self) -> bool:
        """Whether the generation holds every change."""
        return self.generation > 0 and self.horizon >= self.touched


Buckets = dict[int, dict[int, Pointer]]
"""By width, then by bucket: what is known of it."""


class Pointers:
    """The marks and pointers of one table of records.

    Args:
        ledger: Where they are.
        source: The records they are about.
        table_id: The table that holds those records.

    Attributes:
        table_id: The same.
    """

    def __init__(self, ledger: Ledger, source: Source, table_id: UUID) -> None:
        self.table_id = table_id
        self._ledger = ledger
        self._named: dict[str, object] = {"source": source.value, "table_id": table_id}

    def read(self, widths: Sequence[int], days: Sequence[int] | None = None) -> Buckets:
        """What is known of the buckets that were ever changed, ascending.

        Args:
            widths: Hours in a bucket, the widest first.
            days: Only what lies in these days, counted from 1970; None looks at all.

        Raises:
            ClickHouseError: The engine did not answer.
        """
        parameters = {**self._named, "base": widths[-1], "widths": list(widths), "days": list(days or ())}
        rows = self._ledger.query(_READ.replace("$within", "1" if days is None else _OF_DAYS), parameters)
        pointers = {(cast("int", row["width"]), cast("int", row["bucket"])): _pointer(row) for row in rows}
        touches = {bucket: pointer.touched for (width, bucket), pointer in pointers.items() if width == widths[-1]}
        made = {width: {b: pointer for (w, b), pointer in pointers.items() if w == width} for width in widths}
        return {width: touched(made[width], touches, width // widths[-1]) for width in widths}

    def mark(self, touches: Touches) -> None:
        """Write down which hours changed; a lower block than is known changes nothing.

        Raises:
            ClickHouseError: The engine did not take it.
        """
        if touches:
            blocks = {"hours": list(touches), "blocks": list(touches.values())}
            self._ledger.command(_MARK, {**self._named, **blocks})

    def mark_all(self, block: int) -> None:
        """Write down that every hour that ever changed did again; raises as :meth:`mark`."""
        self._ledger.command(
            "INSERT INTO rollup_marks_local (source, table_id, hour, touched)"
            " SELECT DISTINCT source, table_id, hour, {block:UInt64} FROM rollup_marks_local"
            " WHERE source = {source:String} AND table_id = {table_id:UUID}",
            {**self._named, "block": block},
        )

    def account(self, block: int) -> None:
        """Write down that every change up to a block is marked; raises as :meth:`mark`."""
        self._ledger.command(
            "INSERT INTO rollup_progress_local (source, table_id, accounted) "
            "SELECT {source:String}, {table_id:UUID}, {block:UInt64}",
            {**self._named, "block": block},
        )

    def point(self, width: int, generations: Mapping[int, int], horizon: int) -> None:
        """Let generations count from now on, by bucket. Their sums must be there already; raises as :meth:`mark`."""
        if generations:
            chosen = {"buckets": list(generations), "generations": list(generations.values())}
            self._ledger.command(_POINT, {**self._named, **chosen, "width": width, "horizon": horizon})

    def forget(self) -> None:
        """Begin anew, so that nothing is read from the sums until they were made again; raises as :meth:`mark`."""
        for table in STATE_TABLES:
            self._ledger.command(
                f"ALTER TABLE {table} DELETE WHERE source = {{source:String}} AND table_id = {{table_id:UUID}}"
                " SETTINGS mutations_sync = 2",
                self._named,
            )


def touched(known: Mapping[int, Pointer], touches: Touches, width: int) -> dict[int, Pointer]:
    """What is known of buckets after changes, ascending; only those that were ever changed.

    Args:
        known: What was known.
        touches: The newest block by a smaller bucket.
        width: How many of those make one.
    """
    result = dict(known)
    for smaller, block in touches.items():
        old = result.get(smaller // width, Pointer(0, 0, 0))
        if block > old.touched:
            result[smaller // width] = Pointer(block, old.generation, old.horizon)
    return {bucket: result[bucket] for bucket in sorted(result) if result[bucket].touched}


def _pointer(row: Mapping[str, object]) -> Pointer:
    generation, horizon = cast("tuple[int, int]", row["pointer"])
    return Pointer(cast("int", row["newest"]), generation, horizon)

"""Batches of adjustments: one a command, with the state that says whether it takes effect.

A batch is first planned, and its adjustments are written: none of it shows. Committing it is one row; from then on it
is carried out whatever happens, by whoever comes next if the command dies. When every record has its new version, it is
applied. A plan that is not committed has no effect, ever; it is marked abandoned when it is found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["PLAN_EXPIRES", "Batch", "BatchKind", "BatchState", "keep_batch", "next_number", "read_batches"]

PLAN_EXPIRES: Final = timedelta(hours=1)
"""A plan that nobody committed for so long has lost its command."""


class BatchKind(StrEnum):
    """What made the adjustments."""

    REPRICE = "reprice"
    """Prices of the book."""
    UNDO = "undo"
    """An earlier batch, taken back."""


class BatchState(StrEnum):
    """How far a batch has come."""

    PLANNED = "planned"
    COMMITTED = "committed"
    APPLIED = "applied"
    ABANDONED = "abandoned"

    @property
    def rank(self) -> int:
        """The highest of a batch is its state."""
        return list(BatchState).index(self)


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch.

    Attributes:
        batch_id: Its name.
        number: Its place among all batches; the highest number of a record's adjustments decides.
        kind: What made it.
        state: How far it has come.
        undoes: The batch that it takes back; empty if it takes back none.
        reason: Why, in the words of who asked for it; may be empty.
        recorded_at: The time at which its adjustments count as made.
        recorded_by: Who asked for it.
        tool_version: The version of Spanledger that made it.
        window_start: First instant of what was looked at.
        window_end: First instant after it.
        service: The only service that was looked at; empty takes all.
        user_id: The only user that was looked at; empty takes all.
        adjustments: How many records it changes.
        unchanged: How many it looked at that stay as they are.
        unpriceable: How many it could not price again.
        difference: What it adds to the total, by currency.
    """

    batch_id: str
    number: int
    kind: BatchKind
    state: BatchState
    undoes: str
    reason: str
    recorded_at: datetime
    recorded_by: str
    tool_version: str
    window_start: datetime
    window_end: datetime
    service: str = ""
    user_id: str = ""
    adjustments: int = 0
    unchanged: int = 0
    unpriceable: int = 0
    difference: Mapping[str, Decimal] | None = None

    def lost(self, now: datetime) -> bool:
        """Whether its command is surely gone before it committed anything."""
        return self.state is BatchState.PLANNED and now - self.recorded_at > PLAN_EXPIRES


_COLUMNS: Final = tuple(Batch.__dataclass_fields__)

_KEEP = """
INSERT INTO adjustment_batches_local
SELECT
    {batch_id:String}, {number:UInt32}, {kind:String}, {state:String}, {rank:UInt8}, {undoes:String}, {reason:String},
    {recorded_at:DateTime64(3, 'UTC')}, {recorded_by:String}, {tool_version:String},
    {window_start:DateTime64(9, 'UTC')}, {window_end:DateTime64(9, 'UTC')}, {service:String}, {user_id:String},
    {adjustments:UInt64}, {unchanged:UInt64}, {unpriceable:UInt64},
    mapFromArrays(
        JSONExtract({currencies:String}, 'Array(String)'),
        arrayMap(text -> toDecimal128(text, 12), JSONExtract({amounts:String}, 'Array(String)'))),
    now64(3)
SETTINGS async_insert = 0
"""


def keep_batch(ledger: Ledger, batch: Batch, state: BatchState) -> Batch:
    """Write down a batch in a new state, and give it back so."""
    kept = replace(batch, state=state)
    difference = kept.difference or {}
    values: dict[str, object] = {name: getattr(kept, name) for name in _COLUMNS if name != "difference"}
    ledger.command(
        _KEEP,
        {
            **values,
            "kind": kept.kind.value,
            "state": state.value,
            "rank": state.rank,
            "currencies": json.dumps(list(difference)),
            "amounts": json.dumps([format(amount, "f") for amount in difference.values()]),
        },
    )
    return kept


def read_batches(ledger: Ledger, *, state: BatchState | None = None, batch_id: str | None = None) -> list[Batch]:
    """Batches, the latest first.

    Args:
        ledger: Where to look.
        state: Those in this state only; None takes all.
        batch_id: The one of that name only; None takes all.
    """
    rows = ledger.query(
        f"SELECT {', '.join(_COLUMNS)} FROM adjustment_batches "  # noqa: S608 - the columns are the class's fields
        "WHERE ({state:String} = '' OR state = {state:String}) "
        "AND ({batch_id:String} = '' OR batch_id = {batch_id:String}) "
        "ORDER BY number DESC, batch_id",
        {"state": state.value if state else "", "batch_id": batch_id or ""},
    )
    return [_batch(row) for row in rows]


def next_number(ledger: Ledger) -> int:
    """The number of a batch that begins now."""
    (row,) = ledger.query("SELECT max(number) AS last FROM adjustment_batches_local")
    return cast("int", row["last"]) + 1


def _batch(row: Mapping[str, object]) -> Batch:
    values = dict(row)
    for name in ("recorded_at", "window_start", "window_end"):
        values[name] = cast("datetime", values[name]).astimezone(UTC)
    kind, state = BatchKind(str(values.pop("kind"))), BatchState(str(values.pop("state")))
    return Batch(kind=kind, state=state, **values)  # type: ignore[arg-type]  # the columns are the fields

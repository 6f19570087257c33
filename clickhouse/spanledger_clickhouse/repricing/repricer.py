"""Re-pricing from the preview to the applied batch, and what to do about one that was interrupted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

from spanledger.exceptions import InvalidRequestError, OverloadedError
from spanledger.version import __version__
from spanledger_clickhouse.rating import Rater
from spanledger_clickhouse.repricing.adjustment import (
    apply_batch,
    later_batches,
    plan_reversal,
    reversed_totals,
    write_adjustments,
)
from spanledger_clickhouse.repricing.batch import (
    Batch,
    BatchKind,
    BatchState,
    keep_batch,
    next_number,
    read_batches,
)
from spanledger_clickhouse.repricing.preview import DIMENSIONS, Preview
from spanledger_clickhouse.repricing.priced_record import read_records
from spanledger_clickhouse.repricing.recharge import Recharger, Unpriceable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from decimal import Decimal

    from spanledger.pricing import Calculator, Charge, PriceBook
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.repricing.priced_record import PricedRecord
    from spanledger_clickhouse.repricing.scope import Scope

__all__ = ["Repricer"]

_ADJUSTMENTS_AN_INSERT: Final = 20_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_RATED_TRACES = """
SELECT DISTINCT lower(hex(usage_spans_local.trace_id)) AS trace
FROM usage_spans_local
WHERE is_priced = 0
    AND trace_id IN (SELECT trace_id FROM adjustments_local WHERE batch_id = {batch_id:String})
"""


class Repricer:
    """Prices records of a ledger again.

    Args:
        ledger: A ledger with the current schema.
        book: The price book to price by.
        calculator: The calculator over that book.
        replaced: Ids of price rows that the book has no more and whose records are to be priced again all the same.
        clock: The current time, aware.
    """

    def __init__(
        self,
        ledger: Ledger,
        book: PriceBook,
        calculator: Calculator,
        replaced: Collection[str] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._recharger = Recharger(book, calculator, replaced)
        self._rater = Rater(ledger, calculator)
        self._clock = clock

    def preview(self, scope: Scope) -> Preview:
        """What a re-pricing would change now; writes nothing."""
        return self._look(scope, lambda _record, _charge: None)

    def reprice(self, scope: Scope, expected: Preview, *, reason: str, by: str) -> Batch:
        """Write the adjustments that a preview showed, and the records' new versions.

        Args:
            scope: What the preview was of.
            expected: The preview; if the ledger or the prices have changed since, nothing is written.
            reason: Why, in the words of who asks.
            by: Who asks.

        Returns:
            The applied batch.

        Raises:
            OverloadedError: The records changed meanwhile, or another re-pricing was made; nothing has been changed.
        """
        batch = keep_batch(self._ledger, self._new_batch(scope, expected, reason, by), BatchState.PLANNED)
        pending: list[tuple[PricedRecord, Charge]] = []

        def plan(record: PricedRecord, charge: Charge) -> None:
            pending.append((record, charge))
            if len(pending) >= _ADJUSTMENTS_AN_INSERT:
                write_adjustments(self._ledger, batch, pending)
                pending.clear()

        found = self._look(scope, plan)
        if pending:
            write_adjustments(self._ledger, batch, pending)
        if (found.changed, found.differences) != (expected.changed, expected.differences):
            self._abandon(batch, "the ledger or the prices have changed since the preview")
        return self._carry_out(batch)

    def preview_undo(self, batch_id: str) -> Preview:
        """What undoing a batch would change; errors as of :meth:`undo`, writes nothing."""
        self._undoable(batch_id)
        preview = Preview()
        for row in reversed_totals(self._ledger, batch_id):
            currency, records = str(row["currency"]), cast("int", row["records"])
            values = {name: str(row[name]) for name in DIMENSIONS}
            for change in (
                preview.totals[currency],
                *(preview.by[name][currency, values[name]] for name in DIMENSIONS),
            ):
                change.before += cast("Decimal", row["amount_before"])
                change.after += cast("Decimal", row["amount_after"])
                change.changed += records
        return preview

    def undo(self, batch_id: str, *, reason: str, by: str) -> Batch:
        """Write the reverse of a batch, as a batch of its own.

        Raises:
            InvalidRequestError: There is no such applied batch, or a later one changed the same records.
            OverloadedError: Another re-pricing was made meanwhile; nothing has been changed.
        """
        undone = self._undoable(batch_id)
        batch = replace(
            undone,
            batch_id=str(uuid4()),
            number=next_number(self._ledger),
            kind=BatchKind.UNDO,
            undoes=batch_id,
            reason=reason,
            recorded_at=self._clock(),
            recorded_by=by,
            tool_version=__version__,
            unchanged=0,
            unpriceable=0,
            difference={currency: -amount for currency, amount in (undone.difference or {}).items()},
        )
        keep_batch(self._ledger, batch, BatchState.PLANNED)
        plan_reversal(self._ledger, batch)
        return self._carry_out(batch)

    def recover(self) -> list[Batch]:
        """Finish what an interrupted command left: carry out what was committed, give up lost plans.

        Returns:
            The batches that were finished or given up, in their new state.
        """
        finished = [self._apply(batch) for batch in reversed(read_batches(self._ledger, state=BatchState.COMMITTED))]
        lost = [
            keep_batch(self._ledger, batch, BatchState.ABANDONED)
            for batch in read_batches(self._ledger, state=BatchState.PLANNED)
            if batch.lost(self._clock())
        ]
        return finished + lost

    def _look(self, scope: Scope, change: Callable[[PricedRecord, Charge], None]) -> Preview:
        preview = Preview()
        for record in read_records(self._ledger, scope):
            found = self._recharger.charge(record)
            if isinstance(found, Unpriceable):
                preview.add(record, None, found.reason)
                continue
            preview.add(record, found)
            if found is not None:
                change(record, found)
        return preview

    def _new_batch(self, scope: Scope, expected: Preview, reason: str, by: str) -> Batch:
        return Batch(
            batch_id=str(uuid4()),
            number=next_number(self._ledger),
            kind=BatchKind.REPRICE,
            state=BatchState.PLANNED,
            undoes="",
            reason=reason,
            recorded_at=self._clock(),
            recorded_by=by,
            tool_version=__version__,
            window_start=_instant(scope.start),
            window_end=_instant(scope.end),
            service=scope.service or "",
            user_id=scope.user_id or "",
            adjustments=expected.changed,
            unchanged=expected.unchanged,
            unpriceable=expected.unpriceable.total(),
            difference=expected.differences,
        )

    def _carry_out(self, batch: Batch) -> Batch:
        """Commit and apply, unless another command committed while this one planned."""
        self._require_alone(batch)
        keep_batch(self._ledger, batch, BatchState.COMMITTED)
        # Two commands that committed at the same moment both see each other here, and both give up.
        self._require_alone(batch)
        return self._apply(batch)

    def _apply(self, batch: Batch) -> Batch:
        apply_batch(self._ledger, batch)
        traces = self._ledger.query(_RATED_TRACES, {"batch_id": batch.batch_id})
        self._rater.withdraw_repeats([str(row["trace"]) for row in traces])
        return keep_batch(self._ledger, batch, BatchState.APPLIED)

    def _require_alone(self, batch: Batch) -> None:
        rivals = self._ledger.query(
            "SELECT batch_id FROM adjustment_batches WHERE state IN ('committed', 'applied') "
            "AND number >= {number:UInt32} AND batch_id != {batch_id:String}",
            {"number": batch.number, "batch_id": batch.batch_id},
        )
        if rivals:
            self._abandon(batch, f"batch {rivals[0]['batch_id']} was made meanwhile")

    def _abandon(self, batch: Batch, why: str) -> None:
        keep_batch(self._ledger, batch, BatchState.ABANDONED)
        message = f"Nothing was changed: {why}; look at a new preview."
        raise OverloadedError(message)

    def _undoable(self, batch_id: str) -> Batch:
        found = read_batches(self._ledger, batch_id=batch_id)
        if not found or found[0].state is not BatchState.APPLIED:
            state = f"it is {found[0].state}" if found else "`spanledger reprice list` shows them"
            message = f"There is no applied batch {batch_id!r}; {state}."
            raise InvalidRequestError(message)
        if later := later_batches(self._ledger, batch_id):
            message = f"Records of batch {batch_id} were changed again by {', '.join(later)}; undo that first."
            raise InvalidRequestError(message)
        return found[0]


def _instant(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)

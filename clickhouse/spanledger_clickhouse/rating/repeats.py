"""Keeps one record of a paid thing that was read on several days or for several users.

Such a thing's span takes its ids from what it is about, but the day and the user in a record's key are the reader's. Of
the records of one span the earliest arrival stays, and the others are marked as repeats. Interrupted anywhere, the next
pass marks the same again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from spanledger.clock import now_ns
from spanledger_clickhouse.rating.progress import Progress
from spanledger_clickhouse.record_versions import REPEATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.table_writes import Blocks, TableWrites

__all__ = ["Repeats"]

_LOOK_BACK: Final = timedelta(seconds=60)
"""An insert becomes visible some time after the arrival time it carries; no insert takes longer than this."""

_KEEP_PROGRESS_EVERY: Final = timedelta(minutes=10)
"""How much arrival time is looked at again after a restart at most, where nothing repeats."""

_TABLES: Final = ("repeatable_records_local", "repeatable_arrivals_local")

_REPEATED = """
SELECT lower(hex(repeatable_records_local.trace_id)) AS trace, lower(hex(repeatable_records_local.span_id)) AS span,
    count() AS records
FROM repeatable_records_local FINAL
WHERE (trace_id, span_id) IN (
    SELECT trace_id, span_id FROM repeatable_arrivals_local WHERE created_at >= {since:DateTime64(3, 'UTC')})
GROUP BY repeatable_records_local.trace_id, repeatable_records_local.span_id
HAVING records > 1
"""

_MARK = """
INSERT INTO cost_records_local (started_at, trace_id, span_id, user_id, service, created_at, version, is_deleted)
SELECT started_at, trace_id, span_id, user_id, service, created_at, {version:Int64}, 1
FROM
(
    SELECT
        *,
        row_number() OVER (
            PARTITION BY trace_id, span_id ORDER BY created_at, toDate(started_at), user_id, service) AS arrived_as
    FROM repeatable_records_local FINAL
    WHERE (trace_id, span_id) IN (
        SELECT toFixedString(unhex(one.1), 16), toFixedString(unhex(one.2), 8)
        FROM (SELECT arrayJoin(arrayZip({traces:Array(String)}, {spans:Array(String)})) AS one))
)
WHERE arrived_as > 1
SETTINGS async_insert = 0
"""

_SPANS_A_STATEMENT: Final = 500


class Repeats:
    """Finds records of one span under several keys; one works on a ledger at a time.

    Args:
        ledger: A ledger with the current schema.
        writes: Tells whether anything arrived.
    """

    def __init__(self, ledger: Ledger, writes: TableWrites) -> None:
        self._ledger = ledger
        self._writes = writes
        self._read: Mapping[str, Blocks] | None = None
        self._progress = Progress(ledger, "repeatable_records")
        self._marked: dict[tuple[str, str], int] = {}
        self._read_until: datetime | None = None
        self._kept_at = datetime.fromtimestamp(0, UTC)

    def mark_pending(self) -> int:
        """Mark what repeats another record, of all that arrived since the last pass.

        Returns:
            Of how many spans records were marked.
        """
        now = datetime.now(UTC)
        written = self._writes.of(*_TABLES)
        is_new = written is None or written.tables != self._read
        marked = self._mark_since((self._read_until or self._progress.read()) - _LOOK_BACK) if is_new else 0
        self._read = None if written is None else written.tables
        self._read_until = now
        if marked or now - self._kept_at >= _KEEP_PROGRESS_EVERY:
            self._progress.keep(now)
            self._kept_at = now
        return marked

    def _mark_since(self, since: datetime) -> int:
        rows = self._ledger.query(_REPEATED, {"since": since})
        found = {(str(row["trace"]), str(row["span"])): cast("int", row["records"]) for row in rows}
        due = [span for span, records in found.items() if self._marked.get(span) != records]
        for start in range(0, len(due), _SPANS_A_STATEMENT):
            self._mark(due[start : start + _SPANS_A_STATEMENT])
        # What is older than the look back is not found again, so it need not be remembered.
        self._marked = found
        return len(due)

    def _mark(self, spans: list[tuple[str, str]]) -> None:
        traces, ids = [trace for trace, _ in spans], [span for _, span in spans]
        self._ledger.command(_MARK, {"traces": traces, "spans": ids, "version": REPEATED + now_ns() // 1_000_000})

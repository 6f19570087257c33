"""Rates usage spans soon after they arrive, trace by trace, and again when a trace turns out to hold more.

A decision depends on the whole trace as known, so a trace is decided anew whenever a span joins it, together with the
traces that tell of the same answers; the newer decision replaces the older one because its version is higher.
Interrupted anywhere, the next pass decides the same again. What a re-pricing made of a record stays: the rater then
decides only whether it counts.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar, cast

from spanledger.attributes import GEN_AI_RESPONSE_ID
from spanledger.clock import now_ns
from spanledger_clickhouse.rating.counting import counted_spans, has_gap, repeated_elsewhere
from spanledger_clickhouse.rating.decision import Decision, decide, decisions_json
from spanledger_clickhouse.rating.progress import Progress
from spanledger_clickhouse.rating.repeats import Repeats
from spanledger_clickhouse.rating.usage_span import UsageSpan
from spanledger_clickhouse.record_versions import ROUND
from spanledger_clickhouse.table_writes import TableWrites

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spanledger.pricing import Calculator
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.table_writes import Blocks

__all__ = ["Rater"]

_Item = TypeVar("_Item")

_LOOK_BACK: Final = timedelta(seconds=60)
"""An insert becomes visible some time after the arrival time it carries; no insert takes longer than this."""

_LONG_LOOK_PAUSE: Final = timedelta(seconds=10)
_LONG_LOOK_BACK: Final = timedelta(minutes=15)
"""What can change a decision late is looked for now and then, this far back: a span that closes the gap between two
usage spans, a priced description of the same call in another trace."""

_TRACES_A_STATEMENT: Final = 500
_DECISIONS_A_STATEMENT: Final = 500

_USAGE: Final = "usage_spans_local"

_ARRIVED = """
SELECT lower(hex(usage_spans_local.trace_id)) AS trace, count() AS spans
FROM usage_spans_local FINAL
WHERE is_priced IN (0, 1)
    AND trace_id IN (
        SELECT trace_id FROM usage_spans_local WHERE is_priced = 0 AND created_at >= {since:DateTime64(3, 'UTC')})
GROUP BY usage_spans_local.trace_id
"""

_CONTESTED = """
SELECT DISTINCT lower(hex(usage_spans_local.trace_id)) AS trace
FROM usage_spans_local
WHERE is_priced = 0 AND created_at >= {since:DateTime64(3, 'UTC')}
    AND usage['gen_ai.response.id'] != ''
    AND usage['gen_ai.response.id'] IN (
        SELECT usage['gen_ai.response.id'] FROM usage_spans_local
        WHERE is_priced = 1 AND created_at >= {told_since:DateTime64(3, 'UTC')})
"""

_USAGE_SPANS = """
SELECT
    lower(hex(usage_spans_local.trace_id)) AS trace_id,
    lower(hex(usage_spans_local.span_id)) AS span_id,
    lower(hex(usage_spans_local.parent_span_id)) AS parent_span_id,
    started_at,
    started_at + toIntervalNanosecond(duration_ns) AS ended_at,
    is_priced,
    usage
FROM usage_spans_local FINAL
WHERE is_priced IN (0, 1)
    AND usage_spans_local.trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
"""

_RIVALS = """
SELECT DISTINCT lower(hex(usage_spans_local.trace_id)) AS trace
FROM usage_spans_local
PREWHERE is_priced IN (0, 1) AND created_at >= {since:DateTime64(3, 'UTC')}
WHERE usage['gen_ai.response.id'] IN {answers:Array(String)}
    AND trace NOT IN {traces:Array(String)}
"""

_PARENTS = """
SELECT DISTINCT TraceId, SpanId, ParentSpanId
FROM otel_traces
WHERE TraceId IN {traces:Array(String)}
    AND Timestamp >= {begin:DateTime64(3, 'UTC')} AND Timestamp <= {end:DateTime64(3, 'UTC')}
    AND ParentSpanId != ''
"""

_RECORD = """
INSERT INTO cost_records_local
(
    started_at, trace_id, span_id, execution_id, user_id, service, operation, model, quantity, unit, unit_cost,
    total_cost, currency, source, price_id, reason, duration_ns, status, error, task_type, step_name, prompt_category,
    prompt_name, metadata, usage, created_at, version, is_deleted
)
WITH decided AS
(
    SELECT
        d.trace_id AS trace, d.span_id AS span, d.is_deleted AS deleted, d.user_id AS user, d.service AS service_name,
        d.operation AS operation_name, d.model AS model_name, d.prompt_name AS prompt, d.quantity AS quantity_text,
        d.unit AS unit_name, d.unit_cost AS unit_cost_text, d.total_cost AS total_cost_text,
        d.currency AS currency_code, d.source AS cost_source, d.price_id AS price, d.reason AS why
    FROM
    (
        SELECT arrayJoin(JSONExtract({decisions:String}, 'Array(Tuple(
            trace_id String, span_id String, is_deleted UInt8, user_id String, service String, operation String,
            model String, prompt_name String, quantity String, unit String, unit_cost String, total_cost String,
            currency String, source String, price_id String, reason String))')) AS d
    )
),
adjusted AS
(
    SELECT
        lower(hex(adjustments_local.trace_id)) AS adjusted_trace,
        lower(hex(adjustments_local.span_id)) AS adjusted_span,
        max(number) AS last_number,
        argMax(
            (quantity_after, unit_after, unit_cost_after, total_cost_after, source_after, price_id_after, reason_after),
            number) AS now_is
    FROM adjustments_local
    WHERE adjustments_local.trace_id IN (SELECT toFixedString(unhex(trace), 16) FROM decided)
        AND batch_id IN (SELECT batch_id FROM adjustment_batches_local FINAL WHERE state IN ('committed', 'applied'))
    GROUP BY adjustments_local.trace_id, adjustments_local.span_id
)
SELECT
    started_at, usage_spans_local.trace_id, usage_spans_local.span_id, execution_id, user, service_name, operation_name,
    model_name,
    if(last_number = 0, toDecimal128OrZero(quantity_text, 12), now_is.1),
    if(last_number = 0, unit_name, now_is.2),
    if(last_number = 0, toDecimal128OrZero(unit_cost_text, 18), now_is.3),
    if(last_number = 0, toDecimal128OrZero(total_cost_text, 12), now_is.4),
    currency_code,
    if(last_number = 0, cost_source, now_is.5),
    if(last_number = 0, price, now_is.6),
    if(last_number = 0, why, now_is.7),
    duration_ns, status, error, task_type, step_name, prompt_category, prompt, map(), usage, created_at,
    {version:Int64} + toInt64(last_number) * {round:Int64}, deleted
FROM usage_spans_local FINAL
INNER JOIN decided
    ON usage_spans_local.trace_id = toFixedString(unhex(trace), 16)
    AND usage_spans_local.span_id = toFixedString(unhex(span), 8)
LEFT JOIN adjusted ON trace = adjusted_trace AND span = adjusted_span
WHERE is_priced = 0 AND usage_spans_local.trace_id IN (SELECT toFixedString(unhex(trace), 16) FROM decided)
SETTINGS async_insert = 0
"""


class Rater:
    """Decides about usage spans; one rater works on a ledger at a time.

    Args:
        ledger: A ledger with the current schema.
        calculator: The one calculator.
        writes: Tells whether anything arrived; None looks at every pass.
    """

    def __init__(self, ledger: Ledger, calculator: Calculator, writes: TableWrites | None = None) -> None:
        self._ledger = ledger
        self._calculator = calculator
        self._writes = writes or TableWrites(ledger)
        self._repeats = Repeats(ledger, self._writes)
        self._progress = Progress(ledger, "usage_spans")
        self._decided: dict[str, int] = {}
        self._open_since: dict[str, datetime] = {}
        self._contested: set[str] = set()
        self._long_looked_at = datetime.fromtimestamp(0, UTC)
        self._read_until: datetime | None = None
        self._read: Mapping[str, Blocks] | None = None
        self._read_long: Mapping[str, Blocks] | None = None

    def rate_pending(self) -> int:
        """Decide about every trace that changed since the last pass, and mark what repeats a record under another key.

        Returns:
            How many decisions were written.
        """
        # The order matters: what is marked as a repeat must be newer than what was decided about it.
        return self._rate_traces() + self._repeats.mark_pending()

    def _rate_traces(self) -> int:
        now = datetime.now(UTC)
        long_look = now - self._long_looked_at >= _LONG_LOOK_PAUSE
        written = self._writes.of(_USAGE)
        tables = None if written is None else written.tables
        is_new = tables is None or tables != (self._read_long if long_look else self._read)
        still_open = self._still_open(now) if long_look else []
        known = dict(self._decided), self._contested
        try:
            due = self._due(long_look=long_look) if is_new else []
            decided = self._rate(list(dict.fromkeys([*due, *still_open])), now)
        except BaseException:
            # What was not written is due again.
            self._decided, self._contested = known
            raise
        if long_look:
            self._long_looked_at, self._read_long = now, tables
        self._read, self._read_until = tables, now
        if decided:
            self._progress.keep(now)
        return decided

    def _due(self, *, long_look: bool) -> list[str]:
        """Traces that grew, and at a long look those that are newly told of elsewhere."""
        read_until = self._read_until or self._progress.read()
        since = read_until - (_LONG_LOOK_BACK if long_look else _LOOK_BACK)
        sizes = {str(row["trace"]): cast("int", row["spans"]) for row in self._ledger.query(_ARRIVED, {"since": since})}
        due = [trace for trace, spans in sizes.items() if self._decided.get(trace) != spans]
        if not long_look:
            self._decided |= sizes
            return due
        # Without spans that have no price nothing is told of elsewhere.
        contested = self._told_elsewhere(since) if sizes else set[str]()
        new, self._contested = contested - self._contested, contested
        # What is older is not looked at again, so its size need not be remembered.
        self._decided = sizes
        return [*due, *new]

    def _rate(self, traces: Sequence[str], now: datetime) -> int:
        return sum(self._write(self._decide(part, now)) for part in _batched(traces, _TRACES_A_STATEMENT))

    def _still_open(self, now: datetime) -> list[str]:
        """Traces whose spans are the same and whose decision may not be, since there is a gap between them."""
        self._open_since = {trace: seen for trace, seen in self._open_since.items() if now - seen < _LONG_LOOK_BACK}
        return list(self._open_since)

    def _told_elsewhere(self, since: datetime) -> set[str]:
        """Traces with an answer that a priced span tells of which arrived since the last long look."""
        told_since = max(since, self._long_looked_at - _LOOK_BACK)
        rows = self._ledger.query(_CONTESTED, {"since": since, "told_since": told_since})
        return {str(row["trace"]) for row in rows}

    def withdraw_repeats(self, traces: Sequence[str]) -> int:
        """Decide once more what of some traces does not count, for who wrote records of them without asking.

        A re-pricing does: what was decided while it wrote did not know of it, and lost.

        Args:
            traces: Traces, in hex.

        Returns:
            How many records do not count.
        """
        now = datetime.now(UTC)
        return sum(
            self._write([decision for decision in self._decide(part, now) if decision.is_deleted])
            for part in _batched(traces, _TRACES_A_STATEMENT)
        )

    def _decide(self, traces: Sequence[str], now: datetime) -> list[Decision]:
        rows = self._ledger.query(_USAGE_SPANS, {"traces": list(traces)})
        if rivals := self._rivals(traces, rows, now):
            traces = [*traces, *rivals]
            rows = self._ledger.query(_USAGE_SPANS, {"traces": traces})
        spans: dict[str, list[UsageSpan]] = defaultdict(list)
        for row in rows:
            spans[str(row["trace_id"])].append(_usage_span(row))
        parents = self._parents(traces, rows)
        for trace, members in spans.items():
            if has_gap(members, parents.get(trace, {})):
                self._open_since.setdefault(trace, now)
            else:
                self._open_since.pop(trace, None)
        return list(_decisions(spans, parents, self._calculator))

    def _write(self, decisions: Sequence[Decision]) -> int:
        version = now_ns() // 1_000_000
        for part in _batched(decisions, _DECISIONS_A_STATEMENT):
            self._ledger.command(_RECORD, {"decisions": decisions_json(part), "version": version, "round": ROUND})
        return len(decisions)

    def _rivals(self, traces: Sequence[str], rows: Sequence[Mapping[str, object]], now: datetime) -> list[str]:
        """Other traces that tell of the same answers."""
        told = (cast("dict[str, str]", row["usage"]).get(GEN_AI_RESPONSE_ID) for row in rows)
        answers = sorted({answer for answer in told if answer})
        if not answers:
            return []
        parameters = {"since": now - _LONG_LOOK_BACK, "answers": answers, "traces": list(traces)}
        return [str(row["trace"]) for row in self._ledger.query(_RIVALS, parameters)]

    def _parents(self, traces: Sequence[str], rows: Sequence[Mapping[str, object]]) -> dict[str, dict[str, str]]:
        """Parent by span, by trace, also of the spans between the usage spans."""
        if not rows:
            return {}
        begin = min(cast("datetime", row["started_at"]) for row in rows) - timedelta(seconds=1)
        end = max(cast("datetime", row["ended_at"]) for row in rows) + timedelta(seconds=1)
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self._ledger.query(_PARENTS, {"traces": list(traces), "begin": begin, "end": end}):
            found[str(row["TraceId"])][str(row["SpanId"])] = str(row["ParentSpanId"])
        return found


def _decisions(
    spans: Mapping[str, list[UsageSpan]], parents: Mapping[str, Mapping[str, str]], calculator: Calculator
) -> Iterable[Decision]:
    counting = [
        span
        for trace, members in spans.items()
        for counted in [counted_spans(members, parents.get(trace, {}))]
        for span in members
        if span.span_id in counted
    ]
    counted = {(span.trace_id, span.span_id) for span in counting} - repeated_elsewhere(counting)
    for members in spans.values():
        for span in members:
            if not span.is_priced:
                counts = (span.trace_id, span.span_id) in counted
                decision = decide(span, counts=counts, calculator=calculator)
                if decision is not None:
                    yield decision


def _usage_span(row: Mapping[str, object]) -> UsageSpan:
    attributes = cast("dict[str, str]", row["usage"])
    return UsageSpan(
        trace_id=str(row["trace_id"]),
        span_id=str(row["span_id"]),
        parent_span_id=str(row["parent_span_id"]),
        started_at=cast("datetime", row["started_at"]),
        ended_at=cast("datetime", row["ended_at"]),
        is_priced=bool(row["is_priced"]),
        response_id=attributes.get(GEN_AI_RESPONSE_ID, ""),
        attributes=attributes,
    )


def _batched(items: Sequence[_Item], size: int) -> Iterable[Sequence[_Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))

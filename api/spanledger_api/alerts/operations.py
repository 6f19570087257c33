"""Single operations that cost more than a threshold, within seconds of their arrival or of their pricing.

What is new is found by the time at which it was written, as the ledger's clock tells it, so that spans may arrive late,
twice, or from machines whose clocks are wrong. The last minute is looked at again each time: an insert becomes visible
some time after the time it carries. Where the records number their blocks in the order of commits, every look but the
first reads only the blocks since the last, and nothing where there are none: a day of records may be a thousand times
as many.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from spanledger_api.alerts.alert import Alert, alert_id, money
from spanledger_api.alerts.kinds import Kind, RuleKind
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.alerts.rule import chosen_channels
from spanledger_api.rows import amount, integer, text
from spanledger_clickhouse.record_versions import ROUND
from spanledger_clickhouse.rollups import Source
from spanledger_clickhouse.table_writes import TableWrites

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from spanledger_api.alerts.definitions import Definitions
    from spanledger_api.alerts.progress import Progress
    from spanledger_api.alerts.rule import Rule
    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.table_writes import Blocks

__all__ = ["OperationWatch", "PaidOperation", "operation_alert"]

_LOOK_BACK: Final = timedelta(seconds=60)
_KEYS_A_STATEMENT: Final = 500
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_DATES: Final = (date(1970, 1, 1), date(2149, 6, 6))
"""The days that the key of the records tells apart."""

_CHANGED_DAYS: Final = """
SELECT now64(3, 'UTC') AS now, groupArrayIf(day, changed >= {since:DateTime64(3, 'UTC')}) AS days FROM arrivals
"""
# What arrived has the negated time of its arrival as its version, what was decided later the time of that. Higher
# versions are re-pricings of the past, which somebody has looked at before they were made.
_CHANGED: Final = """
SELECT DISTINCT
    toDate(started_at) AS day, user_id, service, lower(hex(cost_records_local.trace_id)) AS trace,
    lower(hex(cost_records_local.span_id)) AS span, version
FROM cost_records_local
WHERE (version <= -{since_ms:Int64} OR (version >= {since_ms:Int64} AND version < {repriced:Int64}))
    AND total_cost > {lowest:Decimal(38, 12)}
    AND $new
"""
_ON_DAYS: Final = "({all_days:UInt8} OR toDate(started_at) IN {days:Array(Date)})"
# The part's name tells its last block, and is looked at before anything of the part is read.
_IN_BLOCKS: Final = (
    "indexHint(toUInt64(splitByChar('_', _part)[3]) > {block:UInt64}) AND _block_number > {block:UInt64}"
)
_RECORDS: Final = """
SELECT
    toString(record_id) AS record, execution_id, user_id, service, operation, total_cost, currency, task_type,
    toUnixTimestamp64Micro(started_at) AS started_us, trace_id, span_id
FROM cost_records
WHERE toDate(started_at) IN {days:Array(Date)} AND user_id IN {users:Array(String)}
    AND service IN {services:Array(String)} AND trace_id IN {traces:Array(String)} AND span_id IN {spans:Array(String)}
    AND total_cost > {lowest:Decimal(38, 12)}
"""


@dataclass(frozen=True, slots=True)
class PaidOperation:
    """One cost record, as far as an alert shows it."""

    record_id: str
    execution_id: str
    user_id: str
    service: str
    operation: str
    task_type: str
    cost: Decimal
    currency: str
    started_at: datetime

    def exceeds(self, rule: Rule) -> bool:
        """Whether a rule of operations wants to hear of it."""
        stated = (
            (rule.service, self.service),
            (rule.user_id, self.user_id),
            (rule.operation, self.operation),
            (rule.task_type, self.task_type),
            (rule.currency, self.currency),
        )
        return self.cost > rule.limit and all(wanted in {None, found} for wanted, found in stated)


class OperationWatch:
    """Looks for operations above the thresholds; one works on a ledger at a time.

    Args:
        ledger: A ledger with the current schema.
        definitions: The rules.
        channels: Names of the channels there are.
        progress: Where it began and how far it has read; this watch moves it on.
        writes: Tells which blocks are new; None looks at every call.
    """

    def __init__(
        self,
        ledger: Ledger,
        definitions: Definitions,
        channels: Sequence[str],
        progress: Progress,
        writes: TableWrites | None = None,
    ) -> None:
        self._writes = writes or TableWrites(ledger)
        self._progress = progress
        self._ledger = ledger
        self._definitions = definitions
        self._channels = channels
        self._seen: set[tuple[str, str, int]] = set()
        self._looked: tuple[list[Rule], Blocks | None] | None = None

    def look(self) -> list[Alert]:
        """Raise alerts for what was written since the last look; the first one ever begins with the present.

        Returns:
            The alerts that are new.

        Raises:
            ClickHouseError: The ledger does not answer; nothing is missed, the next look begins where this one did.
        """
        since = max(self._progress.read_from, self._progress.read_until - _LOOK_BACK)
        rules = [rule for rule in self._definitions.enabled_rules() if rule.kind is RuleKind.OPERATION]
        # Before what is looked at: a block that is committed meanwhile is looked at twice.
        written = self._writes.of(Source.COST.table)
        blocks = None if written is None else written.tables[Source.COST.table]
        earlier = self._earlier(rules, blocks)
        if written is not None and earlier == blocks:
            self._progress.advance(written.now, keep=False)
            return []
        if written is not None and earlier is not None:
            now, found = written.now, self._changed(since, rules, _IN_BLOCKS, {"block": earlier.newest})
        else:
            now, found = self._changed_on_days(since, rules)
        raised = self._new(rules, found)
        self._looked = rules, blocks
        self._progress.advance(now, keep=bool(raised))
        return raised

    def _earlier(self, rules: list[Rule], blocks: Blocks | None) -> Blocks | None:
        """Up to where these rules have been looked for; None where that tells nothing of what is new."""
        if blocks is None or self._looked is None or self._looked[0] != rules:
            return None
        earlier = self._looked[1]
        return earlier if earlier is not None and blocks.continues(earlier) else None

    def _changed_on_days(self, since: datetime, rules: list[Rule]) -> tuple[datetime, Sequence[Row]]:
        """What was written since then on the days that changed, and when they were looked for."""
        [told] = self._ledger.query(_CHANGED_DAYS, {"since": since})
        days = cast("list[date]", told["days"])
        kept = [day for day in days if _DATES[0] <= day <= _DATES[1]]
        bound: dict[str, object] = {"days": kept, "all_days": int(kept != days)}
        return cast("datetime", told["now"]), self._changed(since, rules, _ON_DAYS, bound) if days else []

    def _changed(self, since: datetime, rules: list[Rule], new: str, bound: dict[str, object]) -> Sequence[Row]:
        """Keys of what was written since then above the lowest threshold."""
        if not rules:
            return []
        further: dict[str, object] = {
            "since_ms": (since - _EPOCH) // timedelta(milliseconds=1),
            "repriced": ROUND,
            "lowest": min(rule.limit for rule in rules),
        }
        return self._ledger.query(_CHANGED.replace("$new", new), {**further, **bound})

    def _new(self, rules: list[Rule], found: Sequence[Row]) -> list[Alert]:
        keys = {_key(row): row for row in found}
        new = [row for key, row in keys.items() if key not in self._seen]
        raised: list[Alert] = []
        for start in range(0, len(new), _KEYS_A_STATEMENT):
            records = self._records(new[start : start + _KEYS_A_STATEMENT], min(rule.limit for rule in rules))
            raised += raise_alerts(self._ledger, self._findings(records, rules))
        self._seen = set(keys)
        return raised

    def _records(self, keys: Sequence[Row], lowest: Decimal) -> list[PaidOperation]:
        """The records as every report sees them: repeats and what was decided since make one row or none."""
        wanted = {(text(row, "trace"), text(row, "span")) for row in keys}
        rows = self._ledger.query(
            _RECORDS,
            {
                "days": list({cast("date", row["day"]) for row in keys}),
                "users": list({text(row, "user_id") for row in keys}),
                "services": list({text(row, "service") for row in keys}),
                "traces": list({trace for trace, _ in wanted}),
                "spans": list({span for _, span in wanted}),
                "lowest": lowest,
            },
        )
        return [paid_operation(row) for row in rows if (text(row, "trace_id"), text(row, "span_id")) in wanted]

    def _findings(self, records: Sequence[PaidOperation], rules: Sequence[Rule]) -> list[Finding]:
        now = datetime.now(UTC)
        return [
            Finding(operation_alert(rule, record, now), chosen_channels(rule.channels, self._channels))
            for record in records
            for rule in rules
            if record.exceeds(rule)
        ]


def operation_alert(rule: Rule, record: PaidOperation, now: datetime) -> Alert:
    """The alert of a record that exceeds a rule."""
    return Alert(
        alert_id=alert_id(rule.rule_id, record.record_id),
        rule_id=rule.rule_id,
        rule_name=rule.name,
        kind=Kind.OPERATION,
        severity=rule.severity,
        occurred_at=record.started_at,
        detected_at=now,
        value=record.cost,
        threshold=rule.limit,
        currency=record.currency,
        message_key="alert_operation",
        words={
            "operation": record.operation or "-",
            "service": record.service,
            "value": money(record.cost, record.currency),
            "threshold": money(rule.limit, record.currency),
            "user_id": record.user_id or "-",
            "execution_id": record.execution_id or "-",
        },
        service=record.service,
        user_id=record.user_id,
        operation=record.operation,
        task_type=record.task_type,
        execution_id=record.execution_id,
        record_id=record.record_id,
    )


def paid_operation(row: Row) -> PaidOperation:
    """A cost record from its row."""
    return PaidOperation(
        record_id=text(row, "record"),
        execution_id=text(row, "execution_id"),
        user_id=text(row, "user_id"),
        service=text(row, "service"),
        operation=text(row, "operation"),
        task_type=text(row, "task_type"),
        cost=amount(row, "total_cost"),
        currency=text(row, "currency"),
        started_at=_EPOCH + timedelta(microseconds=integer(row, "started_us")),
    )


def _key(row: Row) -> tuple[str, str, int]:
    return text(row, "trace"), text(row, "span"), integer(row, "version")

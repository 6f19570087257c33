"""How long rows are kept: a property of each table, changed in place, and applied by dropping whole parts.

Cost records, executions and what administrators did are the ledger itself and are kept for good. Totals never depend on
what may expire: a record says everything that its span said about money.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.migrations import deployed

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["RETAINABLE", "Retention", "apply_retention", "parse_retention", "read_retention"]

RETAINABLE: Final = {
    "otel_traces": ("otel_traces", "Timestamp"),
    "performance_records": ("performance_records_local", "started_at"),
    "usage_spans": ("usage_spans_local", "created_at"),
}
"""What may expire: its table and the time that its rows age by."""

_LEAST_DAYS: Final = 2
"""The rater looks at spans for a quarter of an hour; late deliveries and clocks that are wrong come on top."""

_GIVEN: Final = re.compile(r"(?P<name>\w+)=(?:(?P<days>\d{1,5})d|forever)")
_TTL: Final = re.compile(r"\bTTL \w+\(\w+\) \+ (?:toIntervalDay\((\d+)\)|INTERVAL (\d+) DAY)")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long one kind of row is kept.

    Attributes:
        name: One of :data:`RETAINABLE`.
        days: For how many days; None keeps it for good.
    """

    name: str
    days: int | None

    @property
    def text(self) -> str:
        """As it is written: ``otel_traces=30d`` or ``otel_traces=forever``."""
        return f"{self.name}={'forever' if self.days is None else f'{self.days}d'}"


def parse_retention(text: str) -> list[Retention]:
    """Read ``otel_traces=30d,performance_records=forever``; empty text is no change.

    Raises:
        ConfigurationError: It is neither, names what is kept for good, or fewer than two days.
    """
    found: list[Retention] = []
    for part in filter(None, (word.strip() for word in text.split(","))):
        match = _GIVEN.fullmatch(part)
        if match is None or match["name"] not in RETAINABLE:
            message = f"{part!r} is no retention; write NAME=30d or NAME=forever, NAME one of {', '.join(RETAINABLE)}."
            raise ConfigurationError(message)
        days = int(match["days"]) if match["days"] else None
        if days is not None and days < _LEAST_DAYS:
            message = f"{part!r}: what arrives late is still needed; keep at least {_LEAST_DAYS} days."
            raise ConfigurationError(message)
        found.append(Retention(match["name"], days))
    return found


def read_retention(ledger: Ledger) -> list[Retention]:
    """What the tables of a ledger keep now, in the order of :data:`RETAINABLE`."""
    rows = ledger.query(
        "SELECT name, engine_full FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree'",
        {"database": ledger.dsn.database},
    )
    # On a cluster a table's rows are in the shard's part of it.
    stored = {str(row["name"]).removesuffix("_shard"): str(row["engine_full"]) for row in rows}
    found: list[Retention] = []
    for name, (table, _) in RETAINABLE.items():
        engine = stored.get(table) or stored.get(table.removesuffix("_local"), "")
        match = _TTL.search(engine)
        found.append(Retention(name, int(match[1] or match[2]) if match else None))
    return found


def apply_retention(ledger: Ledger, wanted: list[Retention]) -> list[Retention]:
    """Keep rows for as long as wanted; what is so already is left alone.

    Args:
        ledger: A ledger with the current schema.
        wanted: What to change.

    Returns:
        What was changed.
    """
    current = {retention.name: retention for retention in read_retention(ledger)}
    changed = [retention for retention in wanted if retention != current[retention.name]]
    for retention in changed:
        table, column = RETAINABLE[retention.name]
        statements = [f"ALTER TABLE {table} REMOVE TTL"]
        if retention.days is not None:
            statements = [
                f"ALTER TABLE {table} MODIFY SETTING ttl_only_drop_parts = 1",
                f"ALTER TABLE {table} MODIFY TTL toDateTime({column}) + INTERVAL {retention.days} DAY",
            ]
        for statement in deployed(ledger, statements):
            ledger.command(statement)
    return changed

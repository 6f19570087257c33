"""What some executions cost, read only where they have records."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger_api.amounts import exact_arithmetic
from spanledger_api.filters import Where
from spanledger_api.named_records import IDS, RecordLayout, read_newest
from spanledger_api.rows import amount, ask, integer, text
from spanledger_clickhouse.rollups import Source, find_executions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.rollups.reading import Whereabouts

__all__ = ["read_costs"]

_NOTHING: Final[Row] = {"cost": Decimal(0), "calls": 0, "records": 0}
_AI_SERVICES: Final = ("openai", "google_video_ai", "whisper")
_NAMED: Final = "execution_id IN {execution_ids:Array(String)}"
_LAYOUT: Final = RecordLayout(
    Source.COST,
    f"execution_id, user_id, service, total_cost, currency, toUnixTimestamp64Nano(started_at) AS started_ns, {IDS}",
    most_rows=50_000,
)
_SUMMED: Final = Template(f"""
SELECT
    execution_id, sumIf(toDecimal256(total_cost, 12), currency = 'USD') AS cost,
    countIf(service IN {_AI_SERVICES}) AS calls, count() AS records
FROM cost_records
WHERE {_NAMED} AND started_at >= fromUnixTimestamp64Nano({{costs_from:Int64}}, 'UTC') AND $where
GROUP BY execution_id
""")  # noqa: S608 - own text
# All versions of a record are of one day, and one of them may begin before that instant.
_SINCE_DAY: Final = "started_at >= toStartOfDay(fromUnixTimestamp64Nano({costs_from:Int64}, 'UTC'))"
_BETWEEN: Final = "toDate(started_at) >= {first_day:Date} AND toDate(started_at) <= {last_day:Date}"
_MOST_DAYS: Final = 7
"""Where there are more days than so many, all between the first and the last are looked at: to look each up in the key
takes longer than to look into the records of some in vain."""


def read_costs(ledger: Ledger, execution_ids: Collection[str], costs_from: int) -> dict[str, Row]:
    """What executions cost: ``cost`` in USD, how many ``records`` that is, and how many ``calls`` of models.

    Args:
        ledger: What is read.
        execution_ids: The executions.
        costs_from: First instant of the records that count, in nanoseconds since 1970 UTC.

    Returns:
        By execution; all 0 where it has no record.

    Raises:
        LedgerUnavailableError: The ledger cannot be reached or did not answer in time.
    """
    nothing: dict[str, Row] = dict.fromkeys(execution_ids, _NOTHING)
    if not execution_ids:
        return nothing
    found = find_executions(ledger, Source.COST, list(execution_ids))
    parameters: dict[str, object] = {"execution_ids": list(execution_ids), "costs_from": costs_from}
    where = _within(found, Where((_SINCE_DAY,), parameters))
    newest = read_newest(ledger, _LAYOUT, _NAMED, where, () if found is None else found.settled_parts)
    if newest is None:
        return nothing | {text(row, "execution_id"): row for row in ask(ledger, _SUMMED, where)}
    counted = (row for row in newest if integer(row, "started_ns") >= costs_from)
    return nothing | _sums(row for row in counted if row["execution_id"] in nothing)


def _within(found: Whereabouts | None, where: Where) -> Where:
    """Narrowed to when there are records; none is before 1970, where costs are not looked for."""
    if found is None or len(found.every_day) <= _MOST_DAYS:
        return where.at(found)
    between = {"first_day": found.every_day[0], "last_day": found.every_day[-1]}
    return Where((*where.conditions, _BETWEEN), {**where.parameters, **between})


def _sums(records: Iterable[Row]) -> dict[str, Row]:
    by_execution: defaultdict[str, list[Row]] = defaultdict(list)
    for record in records:
        by_execution[text(record, "execution_id")].append(record)
    with exact_arithmetic():
        return {
            execution_id: {
                "cost": sum((amount(each, "total_cost") for each in own if each["currency"] == "USD"), Decimal(0)),
                "calls": sum(each["service"] in _AI_SERVICES for each in own),
                "records": len(own),
            }
            for execution_id, own in by_execution.items()
        }

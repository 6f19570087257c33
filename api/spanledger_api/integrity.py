"""Whether a ledger can be trusted, check by check, each with the next step where it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from string import Template
from typing import TYPE_CHECKING, Final

from spanledger.attributes import LOSSES_PREFIX
from spanledger.exceptions import MigrationError
from spanledger.pricing import Calculator, PriceBook
from spanledger.values import decimal_text
from spanledger_api.access.local_changes import record_batches
from spanledger_api.data_health import DataHealthParameters, read_data_health
from spanledger_api.filters import Where
from spanledger_api.rows import ask, day, integer, text
from spanledger_clickhouse.migrations import check_schema
from spanledger_clickhouse.repricing import BatchState, Repricer, read_batches
from spanledger_clickhouse.rollups import verify_rollups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from decimal import Decimal

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Check", "State", "check_ledger"]

_DAYS_LOOKED_AT: Final = 35
_LAG: Final = timedelta(hours=1)
_MOST_NAMED: Final = 5
_ALL: Final = Where(("1",))

_BUSY_DAYS: Final = Template("""
SELECT toDate(day) AS busy
FROM arrivals
WHERE $where AND day >= today() - {days:UInt16} AND day <= today()
ORDER BY busy
""")
_LOSSES: Final = Template("""
SELECT substring(site, length({prefix:String}) + 1) AS site, toInt64(sum(lost)) AS lost
FROM
(
    SELECT kv.1 AS site, toInt64OrZero(kv.2) AS lost
    FROM
    (
        SELECT
            mapFilter((k, v) -> startsWith(k, {prefix:String}), SpanAttributes) AS told,
            arrayJoin(CAST(told, 'Array(Tuple(String, String))')) AS kv
        FROM otel_traces
        WHERE $where AND SpanName = 'spanledger.losses'
        LIMIT 1 BY TraceId, SpanId, kv.1
    )
)
GROUP BY site
ORDER BY lost DESC, site
""")


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    """Worth knowing; nothing is wrong in the ledger."""
    FAIL = "fail"
    """Something must be done."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: What was looked at.
        state: How it came out.
        finding: What was found.
        next_step: What to do; empty where nothing needs doing.
    """

    name: str
    state: State
    finding: str
    next_step: str = ""


def check_ledger(ledger: Ledger, now: datetime) -> list[Check]:
    """Every check of an open ledger, and re-pricings that were interrupted finished on the way.

    Args:
        ledger: The ledger.
        now: The current time, aware.

    Returns:
        The checks in order; where the schema is not this program's, that one alone.

    Raises:
        ClickHouseError: The ledger failed.
    """
    try:
        check_schema(ledger)
    except MigrationError as error:
        return [Check("schema", State.FAIL, str(error), "spanledger migrate")]
    return [
        Check("schema", State.OK, "every migration is applied"),
        *_coverage(ledger, now),
        _gaps(ledger),
        _losses(ledger),
        _repricings(ledger),
        _rollups(ledger, now),
    ]


def _coverage(ledger: Ledger, now: datetime) -> Iterator[Check]:
    """How fresh the ledger is, and what of this month is not priced by a price of its own."""
    health = read_data_health(ledger, now, DataHealthParameters.model_validate({}))
    if health.newest_arrival is None or health.lag is None:
        yield Check("lag", State.WARN, "nothing has arrived yet", "point OTEL_EXPORTER_OTLP_ENDPOINT at the collector")
    else:
        behind = timedelta(milliseconds=float(health.lag)) > _LAG
        finding = f"the newest record arrived at {health.newest_arrival}"
        step = "see whether engines still send, and what the collector's metrics count" if behind else ""
        yield Check("lag", State.WARN if behind else State.OK, finding, step)
    unpriced, fallback = health.unpriced_count, health.fallback_count
    found = f"{unpriced} records, {_percent(health.unpriced_share)} of this month's"
    yield _clean("unpriced", found, "spanledger report unpriced", clean=not unpriced)
    found = f"{fallback} records, {_percent(health.fallback_share)} of this month's amount"
    yield _clean("fallback", found, "spanledger report fallback", clean=not fallback)


def _gaps(ledger: Ledger) -> Check:
    busy = [day(row, "busy") for row in ask(ledger, _BUSY_DAYS, _ALL, days=_DAYS_LOOKED_AT)]
    missing = _between(busy)
    named = ", ".join(each.isoformat() for each in missing[:_MOST_NAMED])
    finding = f"{len(missing)} days without a record between busy ones" + (f": {named}" if missing else "")
    return _clean("gaps", finding, "see whether engines ran and their collector was there", clean=not missing)


def _between(busy: list[date]) -> list[date]:
    """The days between the first and the last that are not among them."""
    if not busy:
        return []
    known = set(busy)
    days = (busy[0] + timedelta(days=number) for number in range((busy[-1] - busy[0]).days))
    return [each for each in days if each not in known]


def _losses(ledger: Ledger) -> Check:
    rows = ask(ledger, _LOSSES, _ALL, prefix=LOSSES_PREFIX)
    named = ", ".join(f"{text(row, 'site')} {integer(row, 'lost')}" for row in rows[:_MOST_NAMED])
    finding = f"engines reported: {named}" if rows else "engines reported none"
    return _clean("losses", finding, "the engines' logs say what was lost and why", clean=not rows)


def _repricings(ledger: Ledger) -> Check:
    book = PriceBook.from_environment()
    finished = Repricer(ledger, book, Calculator(book)).recover()
    record_batches(ledger, finished)
    planned = len(read_batches(ledger, state=BatchState.PLANNED))
    if finished:
        done = ", ".join(f"{batch.batch_id} is {batch.state} now" for batch in finished)
        return Check("re-pricings", State.WARN, f"had been interrupted: {done}", "spanledger reprice list")
    if planned:
        return Check("re-pricings", State.WARN, f"{planned} being prepared", "spanledger reprice list")
    return Check("re-pricings", State.OK, "none is unfinished")


def _rollups(ledger: Ledger, now: datetime) -> Check:
    wrong = verify_rollups(ledger, now - timedelta(days=_DAYS_LOOKED_AT), now + timedelta(days=1))
    if not wrong:
        return Check("rollups", State.OK, f"equal to the records of the last {_DAYS_LOOKED_AT} days")
    named = ", ".join(f"{each.table} at {each.start.isoformat()}" for each in wrong[:_MOST_NAMED])
    step = "keep `spanledger up` running, which makes them anew, and report this"
    return Check("rollups", State.FAIL, f"{len(wrong)} differ from the records: {named}", step)


def _clean(name: str, finding: str, step: str, *, clean: bool) -> Check:
    return Check(name, State.OK if clean else State.WARN, finding, "" if clean else step)


def _percent(share: Decimal) -> str:
    return f"{decimal_text(round(100 * share, 4))} %"

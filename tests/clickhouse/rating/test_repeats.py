"""A paid thing that is read on several days, or for several users, keeps one record."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spanledger.exceptions import RetryableError
from spanledger.pricing import Calculator, PriceBook
from spanledger_clickhouse.rating import Rater

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_SCOPE = "spanledger.outcomes"
_BOOK = Calculator(PriceBook.built_in())


def _read(ledger: Ledger, thing: int, day: int = 1, user: str = "ada", scope: str = _SCOPE) -> None:
    """A process reads the outcome of a thing on a day, for a user."""
    attributes = {
        "cost.service": "google_video_ai",
        "cost.total_cost": "0.5",
        "cost.source": "price_book",
        "user.id": user,
        "execution.id": "e-1",
        "task.type": "analysis",
        "step.name": "video",
        "step.span_id": "00000000000000ff",
    }
    ledger.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, ScopeName, Duration, SpanAttributes) SELECT "
        "toDateTime64({at:String}, 9), {trace:String}, {span:String}, 'GoogleVideo.annotation', {scope:String}, "
        "2000000, JSONExtract({attributes:String}, 'Map(String, String)')",
        {
            "at": f"2026-{10 + day // 10}-{10 + day % 10} 01:02:03.5",
            "trace": f"{thing:032x}",
            "span": f"{thing:016x}",
            "scope": scope,
            "attributes": json.dumps(attributes),
        },
    )


def _kept(ledger: Ledger) -> dict[int, tuple[str, int]]:
    """User and day of each thing's record; fails if there are two."""
    rows = ledger.query("SELECT span_id, user_id, started_at FROM cost_records ORDER BY span_id")
    assert len({row["span_id"] for row in rows}) == len(rows)
    return {
        int(str(row["span_id"]), 16): (
            str(row["user_id"]),
            _day(str(row["started_at"])),
        )
        for row in rows
    }


def _day(at: str) -> int:
    """The day's number that :func:`_read` was given."""
    return (int(at[5:7]) - 10) * 10 + int(at[8:10]) - 10


class _Dying:
    """A ledger whose process dies at a statement.

    Args:
        ledger: The ledger.
        statements: How many statements that change something it survives.
    """

    def __init__(self, ledger: Ledger, statements: int) -> None:
        self.dsn = ledger.dsn
        self._left = statements
        self.query = ledger.query
        self._command = ledger.command

    def command(self, sql: str, parameters: dict[str, object]) -> None:
        """Run the statement, and die after the last one."""
        if self._left == 0:
            raise RetryableError
        self._left -= 1
        self._command(sql, parameters)


_READING = st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 11]), st.sampled_from(["", "ada", "bob"]))
_STEPS = st.lists(
    st.one_of(_READING, st.sampled_from(["pass", "restart", "dies at once", "dies after one"])), max_size=9
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
@example(steps=[(1, 1, "ada"), "pass", (1, 11, "ada"), "dies after one", (1, 2, "bob"), "pass", (1, 1, "ada")])
@example(steps=[(1, 2, "bob"), (2, 2, "bob"), "pass", (1, 1, "ada"), "pass", (1, 2, "bob"), "restart", (2, 1, "bob")])
def test_the_earliest_arrival_stays(ledger: Ledger, steps: list[str | tuple[int, int, str]]) -> None:
    """Whatever the order of readings, repeats, passes, restarts and deaths, each thing has its first record alone."""
    for table in ("otel_traces", "cost_records_local", "repeatable_records_local", "repeatable_arrivals_local"):
        ledger.command(f"TRUNCATE TABLE {table}")
    ledger.command("TRUNCATE TABLE rater_progress")
    first: dict[int, tuple[str, int]] = {}
    rater = Rater(ledger, _BOOK)
    for step in steps:
        if isinstance(step, tuple):
            thing, day, user = step
            _read(ledger, thing, day, user)
            first.setdefault(thing, (user, day))
        elif step == "pass":
            rater.rate_pending()
        elif step == "restart":
            rater = Rater(ledger, _BOOK)
        else:
            with suppress(RetryableError):
                Rater(_Dying(ledger, int("one" in step)), _BOOK).rate_pending()  # type: ignore[arg-type]  # as much of it as a rater uses
    rater.rate_pending()

    assert _kept(ledger) == first


def test_totals_follow(ledger: Ledger) -> None:
    """The execution, and what is kept of the step, count the thing once."""
    ledger.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanAttributes) SELECT "
        "now64(9), '000000000000000000000000000000aa', '00000000000000aa', 'execution analysis', "
        "map('execution.id', 'e-1', 'execution.status', 'completed', 'task.type', 'analysis')"
    )
    for user in ("ada", "bob"):
        _read(ledger, 1, user=user)
    Rater(ledger, _BOOK).rate_pending()

    [execution] = ledger.query("SELECT total_cost, ai_calls_count FROM task_executions")
    assert (execution["total_cost"], execution["ai_calls_count"]) == (Decimal("0.5"), 1)
    assert ledger.query("SELECT * FROM performance_records") == []


def test_what_is_marked_is_not_marked_again(ledger: Ledger) -> None:
    """A pass without news writes nothing."""
    for user in ("ada", "bob"):
        _read(ledger, 1, user=user)
    rater = Rater(ledger, _BOOK)

    assert [rater.rate_pending() for _ in range(3)] == [1, 0, 0]


def test_other_spans_are_left_alone(ledger: Ledger) -> None:
    """Only what takes its ids from what it is about is looked for again."""
    _read(ledger, 1, day=1, scope="my.engine")
    _read(ledger, 1, day=2, scope="my.engine")
    Rater(ledger, _BOOK).rate_pending()

    assert len(ledger.query("SELECT * FROM cost_records")) == 2


@pytest.mark.parametrize("statement", ["_REPEATED", "_MARK"])
def test_a_pass_reads_only_what_is_new(ledger: Ledger, statement: str) -> None:
    """Old records are not looked at: both readings go by the primary key."""
    from spanledger_clickhouse.rating import repeats  # noqa: PLC0415 - its statements are nobody else's business

    ledger.command(
        "INSERT INTO repeatable_records_local (trace_id, span_id, started_at, user_id, service, created_at) "
        "SELECT unhex(leftPad(hex(number), 32, '0')), unhex(leftPad(hex(number), 16, '0')), "
        "toDateTime64('2026-01-01 00:00:00', 9), 'ada', 's3', "
        "toDateTime64('2026-01-01 00:00:00', 3) + number FROM numbers(50000)"
    )
    _read(ledger, 7)
    sql = getattr(repeats, statement)
    select = sql[sql.index("SELECT") :].split("SETTINGS")[0]
    plan = ledger.query(
        f"EXPLAIN indexes = 1 {select}",
        {"since": "2026-11-01 00:00:00", "version": 1, "traces": [f"{7:032x}"], "spans": [f"{7:016x}"]},
    )

    granules = [str(row["explain"]).split()[-1] for row in plan if "Granules:" in str(row["explain"])]
    assert granules
    assert all(int(part.split("/")[0]) <= 2 for part in granules), plan

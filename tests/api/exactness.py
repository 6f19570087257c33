"""A ledger to which anything may happen, and a check of every report against a plain recount whatever did."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest import mock
from weakref import WeakKeyDictionary

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from starlette.testclient import TestClient

from spanledger_api.app import create_app
from spanledger_api.headers import FALLBACK_SHARE, UNPRICED_SHARE
from spanledger_clickhouse.ledger import Ledger
from spanledger_clickhouse.rollups import RollupWorker
from spanledger_clickhouse.rollups.slices import current_hours
from tests.api.recount import Question, expected, is_right, shares
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
FIRST = datetime(2026, 2, 27, tzinfo=UTC)
"""The spans are of the days from here to a little after the present, across a change of clocks in New York."""

_HOURS = 17 * 24
_QUESTIONS: tuple[tuple[str, dict[str, str | int]], ...] = (
    ("cost/users", {"topN": 2}),
    ("cost/services", {}),
    ("cost/prompts", {}),
    ("cost/breakdown", {"groupBy": "service,task_type"}),
    ("cost/breakdown", {"groupBy": "service,task_type", "interval": "day"}),
    ("performance/bottleneck", {"taskType": "film"}),
)


def _instant(hour: int, microsecond: int) -> datetime:
    return FIRST + timedelta(hours=hour, microseconds=microsecond)


def _recent(seconds: int, microseconds: int) -> datetime:
    return NOW - timedelta(seconds=seconds, microseconds=microseconds)


# Edges of hours, days and slices are where a report is most easily wrong.
_starts = st.one_of(
    st.builds(
        _instant,
        st.integers(0, _HOURS),
        st.one_of(st.sampled_from((0, 3_599_999_999)), st.integers(0, 3_599_999_999)),
    ),
    st.builds(
        _recent,
        st.one_of(st.integers(0, 60), st.integers(0, 8000)),
        st.sampled_from((0, 1, 999_999)),
    ),
)
_amounts = st.integers(0, 10**14).map(lambda digits: Decimal(digits).scaleb(-12))
spans_of_any_kind = st.builds(
    Span,
    start=_starts,
    duration_ns=st.one_of(st.integers(0, 60), st.integers(10**6, 10**11)),
    service=st.sampled_from(("", "openai", "openai", "s3")),
    operation=st.sampled_from(("one", "two")),
    cost=_amounts,
    source=st.sampled_from(("price_book", "fallback", "provider")),
    currency=st.sampled_from(("", "", "EUR")),
    user=st.sampled_from(("", "ada", "ben", "cho")),
    execution=st.sampled_from(("", "e1", "e2")),
    task=st.sampled_from(("", "film", "voice")),
    step=st.sampled_from(("", "cut", "mix")),
    failed=st.sampled_from(("", "", "no")),
)
_zones = st.sampled_from(("UTC", "Asia/Taipei", "America/New_York", "Asia/Kathmandu", "Asia/Kolkata"))
_periods = st.sampled_from(("daily", "weekly", "monthly"))
_filters = st.dictionaries(
    st.sampled_from(("userId", "taskType", "executionId")), st.sampled_from(("", "ada", "film", "e1")), max_size=1
)
_edges = st.one_of(st.none(), st.builds(_instant, st.integers(0, _HOURS), st.just(0)), _starts)


class CutOffError(Exception):
    """Stands for the end of the process in the midst of a rebuild."""


class Recounted(RuleBasedStateMachine):
    """A ledger, and every distinct span that was stored in it.

    Attributes:
        ledger: The ledger; set on a subclass.
        sent: Each span as it was sent, by its number.
        held: The same spans as reports must count them.
    """

    ledger: Ledger

    def __init__(self) -> None:
        super().__init__()
        empty(self.ledger)
        self.sent: dict[int, Span] = {}
        self.held: dict[int, Span] = {}
        self.client = TestClient(create_app(self.ledger, clock=lambda: NOW))
        self.worker_time = NOW
        self.worker = self._new_worker()
        self.version = 0
        self._readers = ExitStack()
        for patched in self._patched():
            self._readers.enter_context(patched)

    @rule(spans=st.lists(spans_of_any_kind, min_size=1, max_size=30))
    def deliver(self, spans: list[Span]) -> None:
        """New spans arrive, in time or late."""
        self._store(spans)

    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """Some that are there arrive again, in another batch, beside a new one."""
        if self.sent:
            again = data.draw(st.lists(st.sampled_from(sorted(self.sent)), min_size=1, max_size=10))
            self._store([*(self.sent[number] for number in again), data.draw(spans_of_any_kind)])

    @rule(data=st.data(), amount=_amounts)
    def price_again(self, data: st.DataObject, amount: Decimal) -> None:
        """An old record gets another price, in the way of the rater."""
        if paid := self._paid():
            number = data.draw(st.sampled_from(paid))
            self.held[number] = replace(self.held[number], cost=amount, source="fallback")
            self._decide(number, f"toDecimal128('{amount:f}', 12) AS total_cost, 'fallback' AS source")

    @rule(data=st.data())
    def find_repeated(self, data: st.DataObject) -> None:
        """An old record is found to repeat another and leaves the ledger; as the run of a step it stays."""
        if paid := self._paid():
            number = data.draw(st.sampled_from(paid))
            self.held[number] = replace(self.held[number], service="")
            self._decide(number, "1 AS is_deleted")

    @rule()
    def rebuild(self) -> None:
        """The worker catches up."""
        self.worker.rebuild()

    @rule(
        passed=st.sampled_from((timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=11), timedelta(hours=1)))
    )
    def let_time_pass(self, passed: timedelta) -> None:
        """Slices end, minutes end, hours are closed: the worker's clock goes on."""
        self.worker_time += passed

    @rule(statements=st.integers(1, 40))
    def rebuild_and_be_cut_off(self, statements: int) -> None:
        """The process ends after some statements of the worker's; another one comes up."""
        with suppress(CutOffError):
            self._rebuild_with(_end, statements)
        self.worker = self._new_worker()

    @rule(statements=st.integers(1, 40), spans=st.lists(spans_of_any_kind, min_size=1, max_size=5))
    def rebuild_while_spans_arrive(self, statements: int, spans: list[Span]) -> None:
        """Spans arrive between two statements of the worker's."""
        self._rebuild_with(lambda: self._store(spans), statements)

    @rule(statements=st.integers(1, 40))
    def rebuild_twice_at_once(self, statements: int) -> None:
        """Another worker does all of its work between two statements of this one's."""
        self._rebuild_with(lambda: self._new_worker().rebuild(), statements)

    @rule(table=st.sampled_from(("cost_records_local", "performance_records_local", "rollup_pointers_local")))
    def merge(self, table: str) -> None:
        """Parts are merged."""
        self.ledger.command(f"OPTIMIZE TABLE {table} FINAL")

    @invariant()
    def keep_the_total(self) -> None:
        """After whatever happened the users add up, whether it was summed up already or not."""
        self._check(Question("cost/users", {"from": FIRST.isoformat()}))

    @rule(edges=st.tuples(_edges, _edges), zone=_zones, filters=_filters, period=_periods)
    def compare(
        self, edges: tuple[datetime | None, datetime | None], zone: str, filters: dict[str, str], period: str
    ) -> None:
        """Every report on some window equals the recount."""
        start, end = sorted(edges, key=lambda edge: edge or FIRST)
        if start != end:
            self._compare(start or FIRST, end, {"timezone": zone, **filters}, period)

    def teardown(self) -> None:
        """Whatever happened, in the end every report on everything equals the recount."""
        try:
            self.worker.rebuild()
            self._compare(FIRST, None, {}, "daily")
        finally:
            self._readers.close()

    def _new_worker(self) -> RollupWorker:
        return RollupWorker(self.ledger, quiet_seconds=0, now_ns=self._worker_ns)

    def _patched(self) -> list[AbstractContextManager[object]]:
        rollups = "spanledger_clickhouse.rollups"
        return [
            # Readers tell the same hours apart as the worker.
            mock.patch(f"{rollups}.snapshot.current_hours", side_effect=self._current_hours),
            # However few records are recent they are kept in memory, and repeats are soon forgotten.
            mock.patch(f"{rollups}.recollection._MANY", 0),
            mock.patch(f"{rollups}.recollection._memories", WeakKeyDictionary[Ledger, object]()),
            mock.patch(f"{rollups}.distinct._WARY_SECONDS", 0),
        ]

    def _current_hours(self, _now_ns: int) -> range:
        return current_hours(self._worker_ns())

    def _worker_ns(self) -> int:
        return int(self.worker_time.timestamp() * 1000) * 1_000_000

    def _store(self, spans: list[Span]) -> None:
        store(self.ledger, spans)
        for span in spans:
            self.sent[span.number] = span
            self.held.setdefault(span.number, span)

    def _paid(self) -> list[int]:
        return [number for number, span in self.held.items() if span.service]

    def _decide(self, number: int, columns: str) -> None:
        """Write a new version of a record."""
        self.version += 1
        self.ledger.command(
            f"INSERT INTO cost_records_local SELECT * REPLACE ({{version:Int64}} AS version, {columns})"  # noqa: S608 - of the rules above
            " FROM cost_records_local FINAL WHERE trace_id = toFixedString(unhex({trace:String}), 16)",
            {"version": self.version, "trace": f"{number:032x}"},
        )

    def _rebuild_with(self, action: Callable[[], object], statements: int) -> None:
        """Let the worker work, and do something else after so many of its statements."""
        left = count(statements, -1)

        def counted(run: Callable[..., Any]) -> Callable[..., Any]:
            def runs(*arguments: object) -> object:
                if next(left) == 0:
                    action()
                return run(*arguments)

            return runs

        ledger = self.ledger
        with (
            mock.patch.object(ledger, "query", counted(ledger.query)),
            mock.patch.object(ledger, "command", counted(ledger.command)),
        ):
            self.worker.rebuild()

    def _compare(self, start: datetime, end: datetime | None, others: dict[str, str], period: str) -> None:
        shared = {"from": start.isoformat(), **others} | ({} if end is None else {"to": end.isoformat()})
        trend: tuple[str, dict[str, str | int]] = ("cost/trend", {"period": period})
        for path, own in (*_QUESTIONS, trend):
            self._check(Question(path, {**shared, **own}))

    def _check(self, question: Question) -> None:
        spans = list(self.held.values())
        answer = self.client.get(f"/api/analytics/{question.path}", params=question.parameters)
        assert answer.status_code == HTTPStatus.OK, answer.text
        found, wanted = json.loads(answer.text, parse_float=Decimal), expected(question, spans)
        assert is_right(found, wanted), f"{question}: {found} instead of {wanted}"
        if question.path.startswith("cost"):
            stated = tuple(Decimal(answer.headers[name]) for name in (UNPRICED_SHARE, FALLBACK_SHARE))
            assert stated == shares(question, spans), f"{question}: shares of {stated}"


def _end() -> None:
    raise CutOffError


def empty(ledger: Ledger) -> None:
    """Remove every row but what says which migrations ran."""
    tables = ledger.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
        " AND engine LIKE '%MergeTree' AND name != 'schema_migrations'"
    )
    for table in tables:
        ledger.command(f"TRUNCATE TABLE {table['name']}")

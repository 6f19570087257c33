"""The span tree of an execution: each span once, after its parent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

# Spans are kept for 30 days, counted by the ledger's own clock.
_START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def _at(number: int, seconds: int, parent: int = 0, **rest: str) -> Span:
    return Span(
        number=number,
        trace=10**6,
        parent=parent,
        start=_START + timedelta(seconds=seconds),
        execution=rest.get("execution", "job/7"),
        execution_status=rest.get("status", ""),
        step=rest.get("step", ""),
        task="t",
        service=rest.get("service", ""),
        cost=Decimal("0.5") if rest.get("service") else None,
        failed=rest.get("failed", ""),
    )


def test_the_tree_is_in_depth_first_order(ledger: Ledger, get: Get) -> None:
    """Siblings are in order of start; repeats and spans of other executions are left out; costs are the records'."""
    root = _at(10**6, 0, status="completed")
    early = _at(10**6 + 2, 1, parent=root.number, step="early")
    late = _at(10**6 + 1, 5, parent=root.number, step="late", failed="E: x")
    paid = _at(10**6 + 3, 6, parent=late.number, service="openai")
    lost = _at(10**6 + 4, 7, parent=99)
    store(ledger, [paid, late, early, root, lost, _at(10**6 + 5, 2, parent=root.number, execution="other")])
    store(ledger, [paid, root])

    rows = get("/api/executions/job%2F7/spans")

    assert [(row["span_id"], row["depth"], row["parent_span_id"]) for row in rows] == [
        (f"{root.number:016x}", 0, None),
        (f"{early.number:016x}", 1, f"{root.number:016x}"),
        (f"{late.number:016x}", 1, f"{root.number:016x}"),
        (f"{paid.number:016x}", 2, f"{late.number:016x}"),
        (f"{lost.number:016x}", 0, None),
    ]
    assert [row["offset"] for row in rows] == [0, 1000, 5000, 6000, 7000]
    assert (rows[3]["service"], rows[3]["total_cost"], rows[2]["total_cost"]) == ("openai", Decimal("0.5"), None)
    assert (rows[2]["status"], rows[2]["error"], rows[2]["step_name"]) == ("Error", "E: x", "late")
    assert get("/api/executions/job%2F7/spans", {"limit": 2, "offset": 1}) == rows[1:3]


def test_spans_that_are_their_own_ancestors_are_shown_once(ledger: Ledger, get: Get) -> None:
    """A circle of parents has no root, so its earliest span is taken for one."""
    first, second = 2 * 10**6, 2 * 10**6 + 1
    store(ledger, [_at(first, 0, parent=second, step="a"), _at(second, 1, parent=first, step="b")])

    assert [(row["step_name"], row["depth"]) for row in get("/api/executions/job%2F7/spans")] == [("a", 0), ("b", 1)]


def test_an_execution_without_spans_is_a_problem(ledger: Ledger, client: TestClient) -> None:
    """Unknown ids and executions whose spans are gone are told so."""
    store(ledger, [Span(service="s3", cost=Decimal(1), execution="ancient")])

    for execution_id, status, told in (("ancient", 410, "have expired"), ("nobody", 404, "No record names")):
        answer = client.get(f"/api/executions/{execution_id}/spans")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert told in answer.json()["detail"]

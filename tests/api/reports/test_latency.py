"""How long things take: ranks, series, shares of the wall time, and the cost beside."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

LATENCY = "/api/analytics/performance/latency"
CRITICAL = "/api/analytics/performance/critical-path"
COST_LATENCY = "/api/analytics/performance/cost-latency"
_SECOND = 10**9


def _rank(durations: list[int], percent: int) -> Decimal:
    ordered = sorted(durations)
    return Decimal(ordered[math.ceil(Fraction(len(ordered) * percent, 100)) - 1]).scaleb(-6)


def test_ranks_equal_a_recount(ledger: Ledger, get: Get) -> None:
    """Each day and step has its exact mean and durations that were really measured."""
    random = Random(9)  # noqa: S311 - test data
    spans = [
        Span(
            task="t",
            step=random.choice("ab"),
            duration_ns=random.randrange(10**12),
            start=NOW - timedelta(hours=random.randrange(24 * 9)),
            failed=random.choice(["", "", "x"]),
        )
        for _ in range(200)
    ]
    store(ledger, spans)
    groups: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        groups[f"{span.start:%Y-%m-%d}T00:00:00Z", span.step].append(span)

    rows = get(LATENCY, {"interval": "day"})

    assert rows == [
        {
            "time": key[0],
            "task_type": "t",
            "step_name": key[1],
            "avg_duration": (Decimal(sum(ns)) / (len(ns) * 10**6)).quantize(Decimal("1e-6")),
            "p50_duration": _rank(ns, 50),
            "p95_duration": _rank(ns, 95),
            "p99_duration": _rank(ns, 99),
            "max_duration": Decimal(max(ns)).scaleb(-6),
            "count": len(ns),
            "failed_count": sum(bool(span.failed) for span in groups[key]),
        }
        for key in sorted(groups)
        for ns in [[span.duration_ns for span in groups[key]]]
    ]


def test_services_and_operations_are_timed_too(ledger: Ledger, get: Get) -> None:
    """By service or operation the paid calls are counted, the slowest first; steps are left out."""
    store(
        ledger,
        [
            Span(service="openai", operation="a", duration_ns=_SECOND),
            Span(service="openai", operation="b", duration_ns=3 * _SECOND, failed="x"),
            Span(service="s3", operation="a", duration_ns=9 * _SECOND),
            Span(task="t", step="s", duration_ns=99 * _SECOND),
        ],
    )

    services = get(LATENCY, {"by": "service"})
    assert [(row["service"], row["avg_duration"], row["failed_count"]) for row in services] == [
        ("s3", 9000, 0),
        ("openai", 2000, 1),
    ]
    operations = get(LATENCY, {"by": "operation"})
    assert [(row["service"], row["operation"]) for row in operations] == [("s3", "a"), ("openai", "b"), ("openai", "a")]


def _run(step: str, begin: int, end: int, execution: str = "e") -> Span:
    start: datetime = NOW - timedelta(hours=1) + timedelta(seconds=begin)
    return Span(task="t", step=step, execution=execution, start=start, duration_ns=(end - begin) * _SECOND)


def test_a_step_counts_for_the_time_that_it_covers(ledger: Ledger, get: Get) -> None:
    """Overlapping runs count once; alone is what no other step covers; gaps belong to nobody."""
    store(
        ledger,
        [_run("a", 0, 4), _run("a", 2, 6), _run("b", 5, 8), _run("a", 9, 10), _run("b", 0, 10, execution="other")],
    )

    rows = {row["step_name"]: row for row in get(CRITICAL, {"taskType": "t"})}

    assert (rows["a"]["share"], rows["a"]["alone_share"]) == (Decimal("0.7"), Decimal("0.6"))
    assert (rows["a"]["avg_duration"], rows["a"]["executions_count"]) == (7000, 1)
    assert (rows["b"]["share"], rows["b"]["alone_share"]) == (Decimal("0.65"), Decimal("0.6"))
    assert (rows["b"]["avg_duration"], rows["b"]["avg_wall_duration"]) == (6500, 10000)


def test_instant_and_endless_steps_do_no_harm(ledger: Ledger, get: Get) -> None:
    """A task that took no time has no shares, and the longest duration there is does not wrap round."""
    store(ledger, [_run("a", 0, 0)])
    assert get(CRITICAL)[0]["share"] == 0

    store(ledger, [Span(task="t", step="a", execution="long", duration_ns=2**63 - 1)])
    (row,) = get(CRITICAL)
    assert row["share"] == row["alone_share"] == 1


def test_cost_and_latency_of_a_step_stand_together(ledger: Ledger, get: Get) -> None:
    """What was paid inside a step is divided by its runs and its seconds; a step that has not arrived has no runs."""
    store(
        ledger,
        [
            Span(task="t", step="s", duration_ns=2 * _SECOND),
            Span(task="t", step="s", duration_ns=6 * _SECOND),
            Span(service="s3", cost=Decimal(4), task="t", step="early"),
            Span(service="s3", cost=Decimal(9), currency="EUR"),
        ],
    )
    paid = Span(service="openai", cost=Decimal(1), task="t", step="s")
    with_step = [paid, Span(service="openai", cost=Decimal(1), task="t", step="s")]
    store(ledger, with_step)

    rows = get(COST_LATENCY)

    by_step = {row["step_name"]: row for row in rows}
    assert [row["step_name"] for row in rows] == ["early", "s"]
    assert by_step["s"]["total_cost"] == 2
    assert by_step["s"]["operations_count"] == 2
    runs = by_step["s"]["count"]
    assert isinstance(runs, int)
    assert by_step["s"]["avg_cost"] == Decimal(2) / runs

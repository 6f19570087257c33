"""The report on slow steps: exact means, nearest-rank percentiles."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger

    Get = Callable[..., list[dict[str, object]]]

PATH = "/api/analytics/performance/bottleneck"


def test_equals_a_recount_of_the_durations(ledger: Ledger, get: Get) -> None:
    """The 95th percentile is the smallest duration that 95 % of the runs did not exceed, at any number of runs."""
    random = Random(3)  # noqa: S311 - test data
    steps = {
        f"{runs} runs": sorted(random.randrange(10**12) for _ in range(runs)) for runs in (1, 2, 19, 20, 21, 100, 137)
    }
    store(ledger, [Span(task="t", step=step, duration_ns=each) for step, runs in steps.items() for each in runs])

    rows = get(PATH, {"taskType": "t"})

    assert {row["step_name"]: row for row in rows} == {
        step: {
            "step_name": step,
            "avg_duration": (Decimal(sum(durations)) / (len(durations) * 10**6)).quantize(Decimal("1e-6")),
            "p95_duration": Decimal(durations[math.ceil(Fraction(len(durations) * 95, 100)) - 1]).scaleb(-6),
            "max_duration": Decimal(durations[-1]).scaleb(-6),
            "count": len(durations),
        }
        for step, durations in steps.items()
    }


def test_the_slowest_step_comes_first(ledger: Ledger, get: Get) -> None:
    """Steps are in order of mean duration, ties of name; failed runs count, other tasks do not."""
    store(
        ledger,
        [
            Span(task="video_generation", step="render", duration_ns=45 * 10**9, failed="out of memory"),
            Span(task="video_generation", step="b", duration_ns=10**9, user="u", execution="e"),
            Span(task="video_generation", step="a", duration_ns=10**9),
            Span(task="other", step="render", duration_ns=90 * 10**9),
        ],
    )

    rows = get(PATH, {"taskType": "video_generation"})

    assert [(row["step_name"], row["avg_duration"]) for row in rows] == [("render", 45000), ("a", 1000), ("b", 1000)]
    assert [row["step_name"] for row in get(PATH, {"taskType": "video_generation", "userId": "u"})] == ["b"]
    assert [row["step_name"] for row in get(PATH, {"taskType": "video_generation", "executionId": "e"})] == ["b"]


def test_a_task_without_runs_is_an_empty_list(get: Get) -> None:
    """A kind of task that nothing ran of is no error."""
    assert get(PATH, {"taskType": "never_heard_of"}) == []

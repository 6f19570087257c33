"""How long questions take, asked in turns, so that a busy moment falls on all of them."""

from __future__ import annotations

import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

__all__ = ["Percentiles", "Questions", "milliseconds", "seconds"]

Questions: TypeAlias = Mapping[str, Callable[[], object]]
"""What to ask, by name."""

Percentiles: TypeAlias = dict[str, dict[str, float]]
"""Milliseconds at ``p50``, and at ``p99`` by the nearest rank, by the question's name."""


def seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes, in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _no_collecting() -> Generator[None]:
    """Look for no garbage, as :mod:`timeit` does: what is measured is the other side."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def milliseconds(asked: Questions, rounds: int) -> Percentiles:
    """Ask every question once a round, after one round that only warms up; what was seen goes to stderr at once."""
    taken: dict[str, list[float]] = {name: [] for name in asked}
    with _no_collecting():
        for number in range(rounds + 1):
            for name, ask in asked.items():
                elapsed = 1000 * seconds(ask)
                if number:
                    taken[name].append(elapsed)
    rank = math.ceil(0.99 * rounds)
    figures: Percentiles = {
        name: {"p50": round(statistics.median(times), 1), "p99": round(sorted(times)[rank - 1], 1)}
        for name, times in taken.items()
    }
    print(json.dumps(figures), file=sys.stderr, flush=True)
    return figures

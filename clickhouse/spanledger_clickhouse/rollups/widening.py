"""Adds buckets up to wider ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spanledger_clickhouse.rollups.pointers import Buckets, Pointer

    Make = Callable[[int, Mapping[int, Sequence[int]]], Mapping[int, int]]

__all__ = ["widen"]


_TOGETHER: Final = 8
"""So many buckets are made at once: a statement costs as much as small sums do, and large ones take memory."""


def widen(known: Buckets, horizon: int, is_over: Callable[[int], bool], make: Make) -> int:
    """Make the buckets that have ended and whose parts all hold every change, each width from the next.

    Args:
        known: What is known of the buckets, by width; what is made is noted in it.
        horizon: The block up to which everything is known.
        is_over: Whether a time has passed, in the unit of the widths.
        make: Makes buckets of one width, by their number, of the generations of their parts, and gives back their
            generations, which count from then on.

    Returns:
        How many were made; raises as ``make``.
    """
    made = 0
    for narrow, wide in pairwise(sorted(known)):
        parts: defaultdict[int, list[Pointer]] = defaultdict(list)
        for bucket, pointer in known[narrow].items():
            parts[bucket * narrow // wide].append(pointer)
        due = [
            bucket
            for bucket, pointer in known[wide].items()
            if not pointer.is_clean and is_over((bucket + 1) * wide) and all(part.is_clean for part in parts[bucket])
        ]
        for some in (due[start : start + _TOGETHER] for start in range(0, len(due), _TOGETHER)):
            generations = make(wide, {bucket: [part.generation for part in parts[bucket]] for bucket in some})
            for bucket, generation in generations.items():
                known[wide][bucket] = replace(known[wide][bucket], generation=generation, horizon=horizon)
        made += len(due)
    return made

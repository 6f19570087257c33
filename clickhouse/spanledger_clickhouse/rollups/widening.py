"""Adds buckets up to wider ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spanledger_clickhouse.rollups.pointers import Buckets, Pointer

__all__ = ["widen"]


def widen(
    known: Buckets, horizon: int, is_over: Callable[[int], bool], make: Callable[[int, int, Sequence[int]], int]
) -> int:
    """Make the buckets that have ended and whose parts all hold every change, each width from the next.

    Args:
        known: What is known of the buckets, by width; what is made is noted in it.
        horizon: The block up to which everything is known.
        is_over: Whether a time has passed, in the unit of the widths.
        make: Makes a bucket, by its width and number, of the generations of its parts and gives back its generation,
            which counts from then on.

    Returns:
        How many were made; raises as ``make``.
    """
    made = 0
    for narrow, wide in pairwise(sorted(known)):
        parts: defaultdict[int, list[Pointer]] = defaultdict(list)
        for bucket, pointer in known[narrow].items():
            parts[bucket * narrow // wide].append(pointer)
        for bucket, pointer in known[wide].items():
            if pointer.is_clean or not is_over((bucket + 1) * wide) or not all(part.is_clean for part in parts[bucket]):
                continue
            generation = make(wide, bucket, [part.generation for part in parts[bucket]])
            known[wide][bucket] = replace(pointer, generation=generation, horizon=horizon)
            made += 1
    return made

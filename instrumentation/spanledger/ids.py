"""Trace and span ids that repeat only by chance, whatever an engine does to its random numbers."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.id_generator import IdGenerator

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = ["UnseededIds", "counted_ids"]

_COUNTED: list[tuple[Iterator[int], Iterator[int]]] = []


class UnseededIds(IdGenerator):
    """Trace and span ids from the operating system.

    The SDK draws them from the global generator, where an engine's ``random.seed()`` would repeat them; the ledger
    takes a repeated id for a repeated delivery and counts it once.
    """

    def generate_span_id(self) -> int:
        """A random id of 64 bits, never 0."""
        return next(_COUNTED[-1][1]) if _COUNTED else int.from_bytes(os.urandom(8)) or 1

    def generate_trace_id(self) -> int:
        """A random id of 128 bits, never 0."""
        return next(_COUNTED[-1][0]) if _COUNTED else int.from_bytes(os.urandom(16)) or 1

    def is_trace_id_random(self) -> bool:
        """True: every bit is random, so samplers may rely on any of them."""
        return True


@contextmanager
def counted_ids() -> Generator[None]:
    """Let every :class:`UnseededIds` count from 1 in the block, tracers that exist already included."""
    _COUNTED.append((itertools.count(1), itertools.count(1)))
    try:
        yield
    finally:
        _COUNTED.pop()

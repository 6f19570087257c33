"""Trace and span ids that repeat only by chance, whatever an engine does to its random numbers."""

from __future__ import annotations

import random

from opentelemetry.sdk.trace.id_generator import IdGenerator

__all__ = ["UnseededIds"]


class UnseededIds(IdGenerator):
    """Trace and span ids from the operating system.

    The SDK draws them from the global generator, where an engine's ``random.seed()`` would repeat them; the ledger
    takes a repeated id for a repeated delivery and counts it once.
    """

    def __init__(self) -> None:
        self._source = random.SystemRandom()

    def generate_span_id(self) -> int:
        """A random id of 64 bits, never 0."""
        return self._source.randrange(1, 1 << 64)

    def generate_trace_id(self) -> int:
        """A random id of 128 bits, never 0."""
        return self._source.randrange(1, 1 << 128)

    def is_trace_id_random(self) -> bool:
        """True: every bit is random, so samplers may rely on any of them."""
        return True

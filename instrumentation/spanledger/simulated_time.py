"""Another time of day than the system's, for everything that dates a span."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import opentelemetry.sdk.trace as sdk_trace

from spanledger.clock import read_from

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["simulated_time"]


@contextmanager
def simulated_time(clock: Callable[[], int]) -> Generator[None]:
    """Let the SDK and Spanledger read another clock while the block runs.

    Args:
        clock: Returns nanoseconds since 1970, UTC.
    """
    sdk: Any = sdk_trace  # which has no other way to be given a clock
    sdk_before, sdk.time_ns = sdk.time_ns, clock
    before = read_from(clock)
    try:
        yield
    finally:
        sdk.time_ns = sdk_before
        read_from(before)

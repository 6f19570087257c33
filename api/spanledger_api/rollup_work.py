"""The work on rollups in the background, and how it is counted."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter

from spanledger.environment import ROLLUP_QUIET_SECONDS
from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.rollups import RollupSweeper, RollupVerifier, RollupWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.table_writes import TableWrites

__all__ = ["ROLLUP_COUNTS", "rollup_steps"]

ROLLUP_COUNTS: Final = CollectorRegistry()
"""What the workers of this process have counted."""

_REBUILT: Final = Counter("spanledger_rollup_buckets_rebuilt", "Buckets summed up anew.", registry=ROLLUP_COUNTS)
_VERIFIED: Final = Counter("spanledger_rollup_days_verified", "Days compared with records.", registry=ROLLUP_COUNTS)
_MISMATCHES: Final = Counter(
    "spanledger_rollup_mismatches",
    "Buckets that differed from their records and were repaired.",
    registry=ROLLUP_COUNTS,
)

_QUIET_SECONDS: Final = "3"
_REBUILD_PAUSE_SECONDS: Final = 1.0
_VERIFY_PAUSE_SECONDS: Final = 60.0
_VERIFY_RESTS: Final = 20
"""For so many times as long as a day took to compare none is: of a hundred million records one takes twenty seconds."""
_SWEEP_PAUSE_SECONDS: Final = 300.0


def rollup_steps(
    ledger: Ledger, is_stopping: Callable[[], bool], writes: TableWrites | None = None
) -> list[tuple[str, Callable[[], object], float]]:
    """What is to be done again and again: its name, the work, and the pause in seconds.

    Args:
        ledger: A ledger with the current schema.
        is_stopping: Whether work that takes long is to end as soon as it can.
        writes: Tells whether anything arrived; None lets each look by itself.

    Raises:
        ConfigurationError: ``SPANLEDGER_ROLLUP_QUIET_SECONDS`` is no number of seconds.
    """
    worker = RollupWorker(ledger, _quiet_seconds(), is_stopping=is_stopping, writes=writes)
    verifier, sweeper = RollupVerifier(ledger), RollupSweeper(ledger)

    def rebuild() -> None:
        _REBUILT.inc(worker.rebuild())

    rests_until = time.monotonic() + _VERIFY_PAUSE_SECONDS

    def verify() -> None:
        nonlocal rests_until
        if (began := time.monotonic()) < rests_until:
            return
        checked, mismatches = verifier.checked, verifier.mismatches
        verifier.verify_next()
        _VERIFIED.inc(verifier.checked - checked)
        _MISMATCHES.inc(verifier.mismatches - mismatches)
        rests_until = time.monotonic() + _VERIFY_RESTS * (time.monotonic() - began)

    return [
        ("rollups", rebuild, _REBUILD_PAUSE_SECONDS),
        ("rollup-verifier", verify, _VERIFY_PAUSE_SECONDS),
        ("rollup-sweeper", sweeper.sweep, _SWEEP_PAUSE_SECONDS),
    ]


def _quiet_seconds() -> float:
    stated = os.environ.get(ROLLUP_QUIET_SECONDS, _QUIET_SECONDS)
    try:
        seconds = float(stated)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        message = f"{ROLLUP_QUIET_SECONDS} must be a number of seconds, not {stated!r}."
        raise ConfigurationError(message)
    return seconds

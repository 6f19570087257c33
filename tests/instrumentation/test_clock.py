"""The time of day is read in one place."""

from __future__ import annotations

from pathlib import Path

import spanledger.calls
from spanledger.clock import now, now_ns
from spanledger.simulated_time import simulated_time


def test_calls_read_the_one_clock() -> None:
    """A module that metered by a clock of its own would not follow a simulated one."""
    modules = list(Path(spanledger.calls.__file__).parent.glob("*.py"))

    assert len(modules) > 20
    assert [module.name for module in modules if "time_ns" in module.read_text(encoding="utf-8")] == []


def test_both_readings_follow_the_simulated_clock() -> None:
    """Prices are chosen by the same time that spans are dated with."""
    with simulated_time(lambda: 1_780_272_000_999_999_999):
        assert now_ns() == 1_780_272_000_999_999_999
        assert now().isoformat() == "2026-06-01T00:00:00+00:00"

"""What was acknowledged survives SIGKILL, and what arrives twice counts once."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING

from spanledger.environment import ROLLUP_QUIET_SECONDS
from tests.chaos.kill_and_recount import Sent, run_trial
from tests.collector.otlp_requests import paid, request_of
from tests.end_to_end.running import start

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_killed_right_after_the_acknowledgement(tmp_path: Path) -> None:
    """A batch posted twice, and the process killed at once: after a restart the totals are those of one batch."""
    body = request_of(paid("0.000000000001"), paid("1.1")).SerializeToString()
    running = start(tmp_path)
    assert running.post(body)
    assert running.post(body)
    running.kill()
    running = start(tmp_path)

    running.wait_for(lambda: bool(running.report("cost/users")))

    [row] = running.report("cost/users")
    assert (row["total_cost"], row["operations_count"]) == (Decimal("1.100000000001"), 2)
    assert running.stop() == 0


def test_killed_at_random_moments_while_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short form of `make chaos`: kills amid traffic and rebuilds, repeats, and an exact recount of every report."""
    monkeypatch.setenv(ROLLUP_QUIET_SECONDS, "0")
    sent = Sent()
    for trial in range(2):
        run_trial(tmp_path, sent, random.Random(trial))  # noqa: S311 - not a secret

"""Kill the collector with SIGKILL while it works, start it again, and compare every total with a plain recount.

Usage: ``python -m tests.chaos.kill_and_recount [--trials 50]``. A sender that gets no answer sends the same batch
again, as OTLP senders do; some answered batches are sent again too. After each trial the ledger must hold exactly the
distinct spans that were sent, each with its own amount. The trials share one ledger, so what one breaks the next see.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tests.collector.otlp_requests import paid, request_of
from tests.end_to_end.running import start

if TYPE_CHECKING:
    from tests.end_to_end.running import Running

_LONGEST_LIFE_SECONDS = 1.0
_BATCHES_SENT_AGAIN = 5
_SPANS_A_BATCH = 50


@dataclass
class Sent:
    """What every trial so far has sent: the truth that the ledger is compared with."""

    records: int = 0
    total: Decimal = Decimal(0)
    users: dict[str, Decimal] = field(default_factory=dict[str, Decimal])

    def add(self, user: str, amount: Decimal, spans: int) -> None:
        """Count a batch of equal spans once, however often it will be sent."""
        self.records += spans
        self.total += amount * spans
        self.users[user] = self.users.get(user, Decimal(0)) + amount * spans


def run_trial(directory: Path, sent: Sent, rng: random.Random) -> int:
    """Send until a kill at a random moment, start again, repeat what went unanswered; returns the batches answered."""
    running = start(directory)
    threading.Timer(rng.uniform(0.0, _LONGEST_LIFE_SECONDS), running.process.kill).start()
    answered: list[bytes] = []
    while running.post(body := _batch(sent, rng)):
        answered.append(body)
    running.kill()
    running = start(directory)
    try:
        for repeated in [body, *rng.sample(answered, min(len(answered), _BATCHES_SENT_AGAIN))]:
            assert running.post(repeated), "the collector did not acknowledge after its restart"
        _compare(running, sent)
    finally:
        assert running.stop() == 0
    return len(answered)


def _batch(sent: Sent, rng: random.Random) -> bytes:
    user, amount = f"user-{rng.randrange(20)}", Decimal(rng.randrange(1, 10**9)).scaleb(-12)
    sent.add(user, amount, _SPANS_A_BATCH)
    attributes = paid(str(amount)) | {"user.id": user}
    return request_of(*[attributes] * _SPANS_A_BATCH).SerializeToString()


def _compare(running: Running, sent: Sent) -> None:
    """Wait for the report to equal the recount."""
    expected = sorted(sent.users.items(), key=lambda item: (-item[1], item[0]))

    def exact() -> bool:
        rows = running.report("cost/users", topN=1000, **{"from": "2020-01-01T00:00:00Z"})
        found = [(row["user_id"], row["total_cost"]) for row in rows]
        return found == expected and sum(int(str(row["operations_count"])) for row in rows) == sent.records

    running.wait_for(exact)


def main() -> None:
    """Run the trials and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    told = parser.parse_args()
    seed = told.seed if told.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", file=sys.stderr)
    sent, answered = Sent(), 0
    with tempfile.TemporaryDirectory(prefix="spanledger-chaos-") as directory, suppress(KeyboardInterrupt):
        for trial in range(told.trials):
            answered += run_trial(Path(directory), sent, random.Random(seed + trial))  # noqa: S311 - not a secret
            print(f"trial {trial + 1}: {sent.records} records, total {sent.total}, exact", file=sys.stderr)
    print(
        json.dumps(
            {
                "trials": told.trials,
                "records": sent.records,
                "total": str(sent.total),
                "batches_answered_before_a_kill": answered,
            }
        )
    )


if __name__ == "__main__":
    main()

"""Kill the collector with SIGKILL while it works, start it again, and compare every total with a plain recount.

Usage: ``python -m tests.chaos.kill_and_recount [--trials 50]``. A sender that gets no answer sends the same batch
again, as OTLP senders do; some answered batches are sent again too. After each trial the ledger must hold exactly the
distinct spans that were sent, each with its own amount. The trials share one ledger, so what one breaks the next see.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.collector.otlp_requests import paid, request_of

_LONGEST_LIFE_SECONDS = 1.0
_BATCHES_SENT_AGAIN = 5
_SPANS_A_BATCH = 50
_VISIBLE_WITHIN_SECONDS = 20.0


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


@dataclass
class Running:
    """A ``spanledger up`` of its own."""

    process: subprocess.Popen[str]
    otlp: str
    api: str

    def post(self, body: bytes) -> bool:
        """Send one batch; False if no acknowledgement came back."""
        connection = http.client.HTTPConnection(urlsplit(self.otlp).netloc, timeout=10)
        try:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def users(self) -> list[dict[str, object]]:
        """The report of costs by user over all time, amounts exact."""
        answer = httpx.get(
            f"{self.api}/api/analytics/cost/users", params={"topN": 1000, "from": "2020-01-01T00:00:00Z"}, timeout=10
        )
        answer.raise_for_status()
        rows: list[dict[str, object]] = json.loads(answer.content, parse_float=Decimal)
        return rows


def start(directory: Path) -> Running:
    """Start the product on a ledger and wait until it answers."""
    command = [sys.executable, "-m", "spanledger_api", "up", "--dsn", f"chdb://{directory}"]
    process = subprocess.Popen(
        [*command, "--otlp-http-port", "0", "--otlp-grpc-port", "0", "--api-port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    return Running(process, ready["otlp_http"], ready["api"])


def run_trial(directory: Path, sent: Sent, rng: random.Random) -> int:
    """Send until a kill at a random moment, start again, repeat what went unanswered; returns the batches answered."""
    running = start(directory)
    threading.Timer(rng.uniform(0.0, _LONGEST_LIFE_SECONDS), running.process.kill).start()
    answered: list[bytes] = []
    while running.post(body := _batch(sent, rng)):
        answered.append(body)
    running.process.wait()
    running = start(directory)
    try:
        for repeated in [body, *rng.sample(answered, min(len(answered), _BATCHES_SENT_AGAIN))]:
            assert running.post(repeated), "the collector did not acknowledge after its restart"
        _compare(running, sent)
    finally:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    return len(answered)


def _batch(sent: Sent, rng: random.Random) -> bytes:
    user, amount = f"user-{rng.randrange(20)}", Decimal(rng.randrange(1, 10**9)).scaleb(-12)
    sent.add(user, amount, _SPANS_A_BATCH)
    attributes = paid(str(amount)) | {"user.id": user}
    return request_of(*[attributes] * _SPANS_A_BATCH).SerializeToString()


def _compare(running: Running, sent: Sent) -> None:
    """Wait for the report to equal the recount; fail with both if it does not within the deadline."""
    expected = [(user, total) for user, total in sorted(sent.users.items(), key=lambda item: (-item[1], item[0]))]
    deadline = time.monotonic() + _VISIBLE_WITHIN_SECONDS
    while True:
        rows = running.users()
        found = [(row["user_id"], row["total_cost"]) for row in rows]
        counted = sum(int(str(row["operations_count"])) for row in rows)
        if found == expected and counted == sent.records:
            return
        assert time.monotonic() < deadline, f"expected {sent.records} records {expected}, found {counted} {found}"
        time.sleep(0.05)


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

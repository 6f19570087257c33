"""Kill the collector with SIGKILL while it works, start it again, and compare every report with a plain recount.

Usage: ``python -m tests.chaos.kill_and_recount [--trials 50]``. A sender that gets no answer sends the same batch
again, as OTLP senders do; some answered batches are sent again too. Spans are of the last days, so that they come late
to hours that were summed up already, and the process may die while it sums up. After each trial every report must be
that of the distinct spans that were sent, each with its own amount. The trials share one ledger, so what one breaks the
next see.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger.environment import ROLLUP_QUIET_SECONDS
from tests.api.recount import Question, expected, is_right
from tests.api.spans import Span, total
from tests.collector.otlp_requests import set_attributes
from tests.end_to_end.running import start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.end_to_end.running import Running

_LONGEST_LIFE_SECONDS = 1.0
_BATCHES_SENT_AGAIN = 5
_SPANS_A_BATCH = 20
_DAYS = 6
_SINCE = "2020-01-01T00:00:00Z"
_QUESTIONS = (
    Question("cost/users", {"from": _SINCE, "topN": 1000}),
    Question("cost/users", {"from": _SINCE, "topN": 5, "taskType": "film"}),
    Question("cost/services", {"from": _SINCE}),
    Question("cost/prompts", {"from": _SINCE}),
    Question("cost/trend", {"from": _SINCE}),
    Question("cost/trend", {"from": _SINCE, "timezone": "Asia/Kolkata"}),
    Question("cost/breakdown", {"from": _SINCE, "groupBy": "service,task_type"}),
    Question("performance/bottleneck", {"from": _SINCE, "taskType": "film"}),
)


@dataclass
class Sent:
    """Every distinct span that any trial has sent: the truth that the reports are compared with."""

    spans: list[Span] = field(default_factory=list[Span])

    def batch(self, rng: random.Random) -> bytes:
        """A batch of new spans, counted once however often it will be sent."""
        spans = [_span(rng) for _ in range(_SPANS_A_BATCH)]
        self.spans += spans
        return _request(spans).SerializeToString()


def run_trial(directory: Path, sent: Sent, rng: random.Random) -> int:
    """Send until a kill at a random moment, start again, repeat what went unanswered; returns the batches answered."""
    running = start(directory)
    threading.Timer(rng.uniform(0.0, _LONGEST_LIFE_SECONDS), running.process.kill).start()
    answered: list[bytes] = []
    while running.post(body := sent.batch(rng)):
        answered.append(body)
    running.kill()
    running = start(directory)
    try:
        for repeated in [body, *rng.sample(answered, min(len(answered), _BATCHES_SENT_AGAIN))]:
            assert running.post(repeated), "the collector did not acknowledge after its restart"
        for question in _QUESTIONS:
            _compare(running, question, sent.spans)
    finally:
        assert running.stop() == 0
    return len(answered)


def _span(rng: random.Random) -> Span:
    task = rng.choice(("", "film", "voice"))
    return Span(
        # Whole microseconds: what a datetime holds.
        start=datetime.now(UTC) - timedelta(microseconds=rng.choice((0, rng.randrange(_DAYS * 86_400 * 10**6)))),
        duration_ns=rng.randrange(10**9),
        service=rng.choice(("openai", "openai", "s3")),
        operation=f"operation-{rng.randrange(5)}",
        cost=Decimal(rng.randrange(1, 10**9)).scaleb(-12),
        user=f"user-{rng.randrange(20)}",
        task=task,
        step=rng.choice(("cut", "mix")) if task else "",
        number=rng.getrandbits(63),
    )


def _request(spans: Sequence[Span]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope_spans = request.resource_spans.add().scope_spans.add()
    for each in spans:
        span = scope_spans.spans.add()
        span.trace_id = each.number.to_bytes(16)
        span.span_id = each.number.to_bytes(8)
        span.name = "paid call"
        span.start_time_unix_nano = (each.start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
        span.end_time_unix_nano = span.start_time_unix_nano + each.duration_ns
        set_attributes(span.attributes, each.attributes)
    return request


def _compare(running: Running, question: Question, spans: Sequence[Span]) -> None:
    """Wait for a report to equal the recount."""
    wanted = expected(question, spans)
    running.wait_for(lambda: is_right(running.report(question.path, **question.parameters), wanted))


def main() -> None:
    """Run the trials and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    told = parser.parse_args()
    seed = told.seed if told.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", file=sys.stderr)
    # Whatever changed is summed up at once, so that a kill often meets a rebuild.
    os.environ[ROLLUP_QUIET_SECONDS] = "0"
    sent, answered, done, began = Sent(), 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="spanledger-chaos-") as directory, suppress(KeyboardInterrupt):
        for trial in range(told.trials):
            answered += run_trial(Path(directory), sent, random.Random(seed + trial))  # noqa: S311 - not a secret
            done = trial + 1
            print(f"trial {done}: {len(sent.spans)} records, every report exact", file=sys.stderr)
    print(
        json.dumps(
            {
                "trials": done,
                "records": len(sent.spans),
                "total": str(total(sent.spans)),
                "batches_answered_before_a_kill": answered,
                "seconds_a_trial": round((time.monotonic() - began) / max(done, 1), 1),
            }
        )
    )


if __name__ == "__main__":
    main()

"""Alerts of the running product: each event is noticed exactly once, also when the process is killed while it sends."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING

import httpx

from spanledger import environment
from tests.api.alerts.receiver import Answer, Receiver
from tests.collector.otlp_requests import paid, request_of
from tests.end_to_end.running import start

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_EVENTS = 8


def _moody(seed: int) -> Receiver:
    """A receiver that fails at random: every fourth request or so."""
    rng = random.Random(seed)  # noqa: S311 - not a secret
    answers = [*[Answer()] * 6, Answer(500), Answer(429, {"Retry-After": "0"})]

    def choose(number: int) -> Answer:
        del number
        return rng.choice(answers)

    return Receiver(choose)


def test_killed_while_it_sends_every_event_is_noticed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expensive spans, a receiver that fails at random, SIGKILL in the middle: each alert's key is accepted once.

    Only the notice that was on its way at that moment may come twice, and then it carries the same key.
    """
    # Notices that failed come again after pauses that grow.
    monkeypatch.setattr("tests.end_to_end.running._VISIBLE_WITHIN_SECONDS", 90.0)
    with _moody(1) as receiver:
        monkeypatch.setenv(environment.ALERT_WEBHOOK_URL, receiver.url)
        running = start(tmp_path)
        dear = [paid("2.5", **{"execution.id": f"e{number}"}) for number in range(_EVENTS)]
        assert running.post(request_of(*dear, paid("0.5")).SerializeToString())
        running.wait_for(lambda: len(receiver.keys()) >= 3)
        running.kill()
        assert len(set(receiver.keys())) < _EVENTS

        running = start(tmp_path)
        try:
            running.wait_for(lambda: len(set(receiver.keys())) == _EVENTS)
            running.wait_for(lambda: _states(running.api) == Counter(sent=_EVENTS))
        finally:
            stopped = running.stop()

        accepted = Counter(receiver.keys())
        assert sum(accepted.values()) <= _EVENTS + 1
        told = [json.loads(each.body)["alert"] for each in receiver.received if each.status == 200]
        assert {each["execution_id"] for each in told} == {f"e{number}" for number in range(_EVENTS)}
        assert {each["alert_id"] for each in told} == set(accepted)
        assert stopped == 0


def _states(api: str) -> Counter[str]:
    """How far the notices have come."""
    rows = httpx.get(f"{api}/api/alerts", timeout=10).raise_for_status().json()
    return Counter(delivery["status"] for row in rows for delivery in row["deliveries"])

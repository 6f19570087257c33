"""What tests of alerts share: a rule book without defaults, a clock that is moved by hand, a receiver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spanledger_api.alerts.alert import Alert, alert_id
from spanledger_api.alerts.kinds import Kind, Severity
from tests.api.alerts.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with Receiver() as serving:
        yield serving


def an_alert(number: int = 1, **changes: object) -> Alert:
    """An alert about an operation of 1.5 USD."""
    moment = datetime(2026, 3, 14, 12, tzinfo=UTC)
    facts: dict[str, object] = {
        "alert_id": alert_id("operation-cost", str(number)),
        "rule_id": "operation-cost",
        "rule_name": "Expensive operation",
        "kind": Kind.OPERATION,
        "severity": Severity.WARNING,
        "occurred_at": moment,
        "detected_at": moment,
        "value": Decimal("1.5"),
        "threshold": Decimal(1),
        "currency": "USD",
        "message_key": "alert_operation",
        "words": {
            "operation": "gpt-4_video_title",
            "service": "openai",
            "value": "$1.5",
            "threshold": "$1",
            "user_id": "user-1",
            "execution_id": "execution-1",
        },
        "service": "openai",
        "user_id": "user-1",
        "operation": "gpt-4_video_title",
        "execution_id": "execution-1",
        "record_id": f"record-{number}",
    }
    return Alert(**{**facts, **changes})  # type: ignore[arg-type]  # the fields are those of the class

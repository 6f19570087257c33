"""What an alert may be about, how much it matters and where it stands."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Kind", "Origin", "RuleKind", "Severity", "Status"]


class RuleKind(StrEnum):
    """What a rule watches; budgets are watched on their own."""

    OPERATION = "operation"
    """A single operation that costs more than a threshold."""
    ANOMALY = "anomaly"
    """A day on which a service or a user costs far more than such days usually do."""
    PRICE_BOOK = "price_book"
    """A price book whose newest price is old."""
    UNPRICED = "unpriced"
    """Too many records that nothing could price."""


class Kind(StrEnum):
    """What an alert is about."""

    OPERATION = "operation"
    BUDGET = "budget"
    """A budget was used up to one of its thresholds."""
    FORECAST = "forecast"
    """A budget is expected to reach one of its thresholds before its period ends."""
    ANOMALY = "anomaly"
    PRICE_BOOK = "price_book"
    UNPRICED = "unpriced"
    TEST = "test"
    """Sent by hand to try a channel; it is not kept."""


class Severity(StrEnum):
    """How much an alert matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Status(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody has seen it and said so."""
    RESOLVED = "resolved"
    """The period that it is about has ended, and nobody needs to act on it any more."""


class Origin(StrEnum):
    """Where a rule or a budget is written down."""

    FILE = "file"
    """In the operator's file, variables or defaults; the API shows it and cannot change it."""
    API = "api"
    """In the ledger, by a request."""

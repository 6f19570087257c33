"""One alert: what was noticed, its numbers, and the identifier that it has however often it is noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from spanledger.values import decimal_text
from spanledger_api.messages import message
from spanledger_api.times import format_rfc3339, nanoseconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from spanledger_api.alerts.kinds import Kind, Severity
    from spanledger_api.messages import Locale

__all__ = ["Alert", "alert_id", "money", "rounded_money"]

_NAMESPACE: Final = UUID("6b0c6d0e-6e4f-5b52-9a3f-0f6f5d9c7a11")
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What was noticed; a text is empty where the matter has none of it.

    Attributes:
        alert_id: The same whenever the same thing is noticed.
        rule_id: The rule or the budget that asked for it.
        rule_name: What people call that.
        kind: What it is about.
        severity: How much it matters.
        occurred_at: When it happened, aware UTC.
        detected_at: When it was noticed, aware UTC.
        value: What was measured, in the unit of the kind: an amount, days or percent.
        threshold: What it was measured against, in the same unit.
        currency: Currency of both; empty where they are no amounts.
        message_key: The text in the catalogue.
        words: Values of that text.
        service: The service concerned.
        user_id: The user concerned.
        operation: The operation concerned.
        task_type: The kind of task concerned.
        execution_id: The task execution concerned.
        record_id: The cost record concerned.
        period_start: First instant of the period concerned; None without one.
        period_end: First instant after that period; None without one.
    """

    alert_id: UUID
    rule_id: str
    rule_name: str
    kind: Kind
    severity: Severity
    occurred_at: datetime
    detected_at: datetime
    value: Decimal
    threshold: Decimal
    currency: str
    message_key: str
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    service: str = ""
    user_id: str = ""
    operation: str = ""
    task_type: str = ""
    execution_id: str = ""
    record_id: str = ""
    period_start: datetime | None = None
    period_end: datetime | None = None

    def message(self, locale: Locale) -> str:
        """What it says, with its numbers, in a language."""
        return message(self.message_key, locale, **self.words)

    def facts(self) -> dict[str, object]:
        """Everything but the words, as the API and webhooks show it; an absent text or time is None."""
        return {
            "alert_id": str(self.alert_id),
            "rule_id": self.rule_id,
            "rule_name": self.rule_name,
            "kind": self.kind.value,
            "severity": self.severity.value,
            "occurred_at": _shown(self.occurred_at),
            "detected_at": _shown(self.detected_at),
            "service": self.service or None,
            "user_id": self.user_id or None,
            "operation": self.operation or None,
            "task_type": self.task_type or None,
            "execution_id": self.execution_id or None,
            "record_id": self.record_id or None,
            "value": self.value,
            "threshold": self.threshold,
            "currency": self.currency or None,
            "period_start": _shown(self.period_start),
            "period_end": _shown(self.period_end),
        }


def alert_id(rule_id: str, *key: str) -> UUID:
    """The identifier of what a rule or budget notices about one event.

    Args:
        rule_id: The rule or the budget.
        key: What the event is, e.g. a record's id, or a period and a threshold.
    """
    return uuid5(_NAMESPACE, "\0".join((rule_id, *key)))


def money(value: Decimal, currency: str) -> str:
    """An amount in words, every digit of it: dollars with their sign, others with their code."""
    return f"${decimal_text(value)}" if currency == "USD" else f"{decimal_text(value)} {currency}"


def rounded_money(value: Decimal, currency: str) -> str:
    """As :func:`money`, rounded to hundredths where there is at least one."""
    return money(value.quantize(_CENT) if abs(value) >= _CENT else value, currency)


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else format_rfc3339(nanoseconds_of(moment))

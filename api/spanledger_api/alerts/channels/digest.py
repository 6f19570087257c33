"""Many alerts of one rule, told together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spanledger_api.alerts.alert import money
from spanledger_api.alerts.channels.channel import Notice
from spanledger_api.alerts.kinds import Severity
from spanledger_api.messages import Locale, message
from spanledger_api.times import format_rfc3339, nanoseconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from spanledger_api.alerts.alert import Alert

__all__ = ["Digest", "digest_of"]

_NAMED: Final = 10
"""How many of them are told of by name, the dearest."""


@dataclass(frozen=True, slots=True)
class Digest(Notice):
    """A notice of several alerts of one rule in one currency; :attr:`alert` is the dearest of them.

    It is a function of the alerts and its identifier alone, so every attempt to send it has the same bytes.

    Attributes:
        notice_id: Its identifier, the same at every attempt.
        alerts: What is told, the dearest first.
    """

    notice_id: UUID
    alerts: tuple[Alert, ...]

    @property
    def key(self) -> str:
        """The identifier of the notice; no alert has it."""
        return str(self.notice_id)

    @property
    def severity(self) -> Severity:
        """How much the gravest of them matters."""
        return max((alert.severity for alert in self.alerts), key=list(Severity).index)

    @property
    def total(self) -> Decimal:
        """What all of them cost together."""
        return sum((alert.value for alert in self.alerts), start=self.alert.value * 0)

    def said(self, locale: Locale) -> str:
        """How many there are, what they cost, and the dearest of them."""
        currency = self.alert.currency
        head = message(
            "alert_digest",
            locale,
            count=str(len(self.alerts)),
            threshold=money(min(alert.threshold for alert in self.alerts), currency),
            total=money(self.total, currency),
            begin=_shown(min(alert.detected_at for alert in self.alerts)),
            end=_shown(max(alert.detected_at for alert in self.alerts)),
        )
        return "\n".join([head, *(message("alert_digest_line", locale, **each.words) for each in self._dearest)])

    def facts(self) -> dict[str, object]:
        """What they have in common, and how many they are."""
        return {
            "notice_id": self.key,
            "rule_id": self.alert.rule_id,
            "rule_name": self.alert.rule_name,
            "kind": self.alert.kind.value,
            "severity": self.severity.value,
            "count": len(self.alerts),
            "total": self.total,
            "currency": self.alert.currency,
            "first_detected_at": _shown(min(alert.detected_at for alert in self.alerts)),
            "last_detected_at": _shown(max(alert.detected_at for alert in self.alerts)),
        }

    def looked_up(self) -> dict[str, str]:
        """Nothing: what can be looked up is in the lines of each."""
        return {}

    def document(self) -> dict[str, object]:
        """As webhooks carry it: the dearest with all their facts, and the identifiers of all."""
        return {
            "type": "spanledger.digest",
            "version": 1,
            "digest": {
                **self.facts(),
                "message": self.text,
                "dearest": [alert.facts() for alert in self._dearest],
                "alert_ids": [str(alert.alert_id) for alert in self.alerts],
            },
            "messages": {locale.value: self.said(locale) for locale in Locale},
        }

    @property
    def _dearest(self) -> tuple[Alert, ...]:
        return self.alerts[:_NAMED]


def digest_of(notice_id: UUID, alerts: Iterable[Alert], locale: Locale) -> Digest:
    """The notice of some alerts, whatever order they come in; there must be one at least."""
    ordered = tuple(sorted(alerts, key=lambda alert: (-alert.value, str(alert.alert_id))))
    return Digest(ordered[0], locale, notice_id, ordered)


def _shown(moment: datetime) -> str:
    return format_rfc3339(nanoseconds_of(moment))

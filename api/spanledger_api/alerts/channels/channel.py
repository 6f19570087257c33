"""What every way of telling somebody has in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from spanledger_api.alerts.alert import money
from spanledger_api.messages import Locale, message

if TYPE_CHECKING:
    from spanledger_api.alerts.alert import Alert
    from spanledger_api.alerts.kinds import Severity

__all__ = ["Channel", "ChannelKind", "Notice"]


class ChannelKind(StrEnum):
    """How somebody is told."""

    SLACK = "slack"
    WEBHOOK = "webhook"
    EMAIL = "email"
    APPRISE = "apprise"
    """Any service that the library of that name knows; needs the extra ``notify``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert on its way to one channel.

    Attributes:
        alert: What is told.
        locale: The language in which channels speak that have only one.
    """

    alert: Alert
    locale: Locale

    @property
    def text(self) -> str:
        """The message in that language."""
        return self.said(self.locale)

    @property
    def title(self) -> str:
        """What it is about, in that language."""
        return message(f"alert_title_{self.severity}", self.locale, rule=self.alert.rule_name)

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return self.alert.severity

    @property
    def key(self) -> str:
        """The same for every attempt to tell this, so that a receiver knows a repeat."""
        return str(self.alert.alert_id)

    def said(self, locale: Locale) -> str:
        """The message in some language."""
        return self.alert.message(locale)

    def facts(self) -> dict[str, object]:
        """Everything but the words."""
        return self.alert.facts()

    def looked_up(self) -> dict[str, str]:
        """What can be looked up, each with its name."""
        alert = self.alert
        found = {
            "service": alert.service,
            "user_id": alert.user_id,
            "operation": alert.operation,
            "task_type": alert.task_type,
            "execution_id": alert.execution_id,
            "record_id": alert.record_id,
            "value": money(alert.value, alert.currency) if alert.currency else "",
            "threshold": money(alert.threshold, alert.currency) if alert.currency else "",
        }
        return {name: value for name, value in found.items() if value}

    def document(self) -> dict[str, object]:
        """As webhooks carry it."""
        return {
            "type": "spanledger.alert",
            "version": 1,
            "alert": {**self.facts(), "message": self.text},
            "messages": {locale.value: self.said(locale) for locale in Locale},
        }


class Channel(Protocol):
    """Tells somebody of an alert.

    Attributes:
        name: What the operator calls it.
        kind: How it tells.
    """

    @property
    def name(self) -> str:
        """What the operator calls it."""
        ...

    @property
    def kind(self) -> ChannelKind:
        """How it tells."""
        ...

    def send(self, notice: Notice) -> None:
        """Tell; returns once the other side has taken the message.

        Raises:
            DeliveryRefusedError: The other side will not take it however often it is tried.
            DeliveryFailedError: It may take it later.
        """
        ...

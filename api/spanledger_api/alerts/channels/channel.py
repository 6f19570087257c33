"""What every way of telling somebody has in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from spanledger_api.alerts.alert import Alert
    from spanledger_api.messages import Locale

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
        return self.alert.message(self.locale)

    @property
    def key(self) -> str:
        """The same for every attempt to tell this, so that a receiver knows a repeat."""
        return str(self.alert.alert_id)


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

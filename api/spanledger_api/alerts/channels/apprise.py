"""Any service that the library ``apprise`` knows, by its URL."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from spanledger.exceptions import ConfigurationError, DeliveryFailedError
from spanledger_api.alerts.channels.channel import ChannelKind
from spanledger_api.alerts.kinds import Severity

if TYPE_CHECKING:
    from spanledger_api.alerts.channels.channel import Notice

__all__ = ["AppriseChannel"]

_TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


class AppriseChannel:
    """Sends through ``apprise``, which says of a failure only that there was one; so each is tried again.

    Args:
        name: What the operator calls it.
        url: The service in apprise's form, a secret.

    Raises:
        ConfigurationError: The library is not installed, or does not know the URL.
    """

    kind = ChannelKind.APPRISE

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        try:
            apprise = import_module("apprise")
        except ModuleNotFoundError as error:
            complaint = "apprise is not installed; pip install 'spanledger[server,notify]'"
            raise ConfigurationError(complaint) from error
        self._service: Any = apprise.Apprise()
        if not self._service.add(url):
            complaint = "apprise does not know the URL"
            raise ConfigurationError(complaint)

    def send(self, notice: Notice) -> None:
        """Send; raises as :meth:`Channel.send`."""
        body = f"{notice.text}\n{notice.key}"
        if not self._service.notify(title=notice.title, body=body, notify_type=_TYPES[notice.severity]):
            complaint = "apprise could not deliver; its log says why"
            raise DeliveryFailedError(complaint)

"""E-mail, by a mail server of the operator's."""

from __future__ import annotations

import logging
import smtplib
import ssl
from contextlib import contextmanager
from decimal import Decimal
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

from spanledger.exceptions import ConfigurationError, DeliveryFailedError, DeliveryRefusedError
from spanledger.values import decimal_text
from spanledger_api.alerts.channels.channel import ChannelKind

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from spanledger_api.alerts.channels.channel import Notice

__all__ = ["EmailChannel"]

_TIMEOUT_SECONDS: Final = 15.0
_PORTS: Final = {"smtp": 587, "smtps": 465}
_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
_PERMANENT: Final = 500
_log = logging.getLogger(__name__)


class EmailChannel:
    """Sends one mail to several recipients.

    ``smtp://`` begins TLS where the server offers it, and insists on it where a password would travel to another
    machine; ``smtps://`` speaks TLS from the first byte.

    Args:
        name: What the operator calls it.
        url: ``smtp://user:password@host:587`` or ``smtps://…``, a secret.
        sender: Address that the mail is from.
        recipients: Addresses that it goes to.

    Raises:
        ConfigurationError: The address is not one of SMTP, or nobody would receive the mail.
    """

    kind = ChannelKind.EMAIL

    def __init__(self, name: str, url: str, sender: str, recipients: Sequence[str]) -> None:
        self.name = name
        self._server = _server(url)
        self._sender = sender
        self._recipients = tuple(recipients)
        if not self._recipients or any("@" not in each or not each.isprintable() for each in (sender, *recipients)):
            message = "an e-mail needs a sender and recipients such as team@example.com"
            raise ConfigurationError(message)

    def send(self, notice: Notice) -> None:
        """Send the mail; raises as :meth:`Channel.send`."""
        mail = _mail(notice, self._sender, self._recipients)
        with _named_failures(self._server.hostname or ""), self._connected() as client:
            refused = client.send_message(mail)
        for recipient, (code, _) in refused.items():
            _log.warning("The mail server refused %s with %s; the others have the mail", recipient, code)

    @contextmanager
    def _connected(self) -> Generator[smtplib.SMTP]:
        server, context = self._server, ssl.create_default_context()
        host, port = server.hostname or "", server.port or _PORTS[server.scheme]
        if server.scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=context)
        else:
            client = smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
        try:
            client.ehlo()
            if server.scheme == "smtp" and client.has_extn("starttls"):
                client.starttls(context=context)
                client.ehlo()
            elif server.scheme == "smtp" and server.username and host not in _LOOPBACK:
                message = f"{host} offers no TLS, and the password is not sent without it"
                raise DeliveryRefusedError(message)
            if server.username:
                client.login(unquote(server.username), unquote(server.password or ""))
            yield client
            _part(client)
        finally:
            client.close()


def _part(client: smtplib.SMTP) -> None:
    """Say goodbye. The mail has been taken by then, so a failure here must not send it again."""
    try:
        client.quit()
    except (smtplib.SMTPException, OSError) as error:
        _log.debug("The mail server took the mail and then hung up: %s", error)


def _mail(notice: Notice, sender: str, recipients: Sequence[str]) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = " ".join(notice.title.split())
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = formatdate(notice.alert.detected_at.timestamp())
    # Mail programs show messages of one identifier once.
    mail["Message-ID"] = f"<{notice.key}@spanledger>"
    mail["Idempotency-Key"] = notice.key
    mail["Auto-Submitted"] = "auto-generated"
    facts = {name: value for name, value in notice.facts().items() if value is not None}
    lines = [f"{name}: {_plain(value)}" for name, value in facts.items()]
    mail.set_content("\n".join([notice.text, "", *lines, ""]))
    return mail


def _plain(value: object) -> str:
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


def _server(url: str) -> SplitResult:
    message = "a mail server is smtp://user:password@host:587 or smtps://user:password@host:465"
    try:
        server = urlsplit(url)
        port = server.port
    except ValueError as error:
        raise ConfigurationError(message) from error
    if server.scheme not in _PORTS or not server.hostname or port == 0:
        raise ConfigurationError(message)
    return server


@contextmanager
def _named_failures(host: str) -> Generator[None]:
    """Tell what is over from what may pass: a code of 500 and above is a refusal."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        message = f"{host} refused every recipient with {', '.join(map(str, sorted(codes)))}"
        if min(codes) >= _PERMANENT:
            raise DeliveryRefusedError(message) from error
        raise DeliveryFailedError(message) from error
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        message = f"{host} answered {error.smtp_code}: {said}"
        if error.smtp_code >= _PERMANENT:
            raise DeliveryRefusedError(message) from error
        raise DeliveryFailedError(message) from error
    except smtplib.SMTPNotSupportedError as error:
        message = f"{host} cannot do what was asked: {error}"
        raise DeliveryRefusedError(message) from error
    except (smtplib.SMTPException, OSError) as error:
        message = f"{host} did not take the mail: {type(error).__name__}"
        raise DeliveryFailedError(message) from error

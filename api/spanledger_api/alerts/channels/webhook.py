"""A webhook of the operator's own: every fact of an alert as JSON, signed."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Final

from spanledger_api.alerts.channels.channel import ChannelKind
from spanledger_api.alerts.channels.http_post import HttpPost
from spanledger_api.encoding import to_json

if TYPE_CHECKING:
    from spanledger_api.alerts.channels.channel import Notice

__all__ = ["SIGNATURE", "TIMESTAMP", "WebhookChannel", "signature"]

SIGNATURE: Final = "Spanledger-Signature"
"""Header with ``v1=`` and the HMAC-SHA256, in hexadecimal, of timestamp, a dot and the body."""

TIMESTAMP: Final = "Spanledger-Timestamp"
"""Header with the Unix time in seconds at which this attempt was made."""


class WebhookChannel:
    """Posts the facts of a notice and its message in every language.

    Args:
        name: What the operator calls it.
        url: Where to.
        secret: The key of the signature; None sends none.

    Raises:
        ConfigurationError: The address is not one of HTTP.
    """

    kind = ChannelKind.WEBHOOK

    def __init__(self, name: str, url: str, secret: str | None) -> None:
        self.name = name
        self._post = HttpPost(url)
        self._secret = secret

    def send(self, notice: Notice) -> None:
        """Post the document, the same bytes at every attempt; raises as :meth:`Channel.send`."""
        body = to_json(notice.document())
        timestamp = str(int(time.time()))
        headers = {"Idempotency-Key": notice.key, TIMESTAMP: timestamp}
        if self._secret is not None:
            headers[SIGNATURE] = signature(self._secret, timestamp, body)
        self._post.send(body, headers)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What :data:`SIGNATURE` says of a request; a receiver compares it in constant time."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()

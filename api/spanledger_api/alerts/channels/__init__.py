"""Ways of telling somebody: Slack, signed webhooks, e-mail, and what ``apprise`` knows."""

from __future__ import annotations

from spanledger_api.alerts.channels.apprise import AppriseChannel
from spanledger_api.alerts.channels.channel import Channel, ChannelKind, Notice
from spanledger_api.alerts.channels.digest import Digest, digest_of
from spanledger_api.alerts.channels.mail import EmailChannel
from spanledger_api.alerts.channels.slack import SlackChannel
from spanledger_api.alerts.channels.webhook import WebhookChannel

__all__ = [
    "AppriseChannel",
    "Channel",
    "ChannelKind",
    "Digest",
    "EmailChannel",
    "Notice",
    "SlackChannel",
    "WebhookChannel",
    "digest_of",
]

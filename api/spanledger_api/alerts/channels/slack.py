"""Slack, by an incoming webhook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from spanledger_api.alerts.channels.channel import ChannelKind
from spanledger_api.alerts.channels.http_post import HttpPost
from spanledger_api.alerts.kinds import Severity

if TYPE_CHECKING:
    from spanledger_api.alerts.channels.channel import Notice

__all__ = ["SlackChannel"]

_SIGNS: Final = {
    Severity.INFO: ":information_source:",
    Severity.WARNING: ":warning:",
    Severity.CRITICAL: ":rotating_light:",
}
_LONGEST_TEXT: Final = 2900  # Slack takes 3,000 characters in a section
_LONGEST_FIELD: Final = 500


class SlackChannel:
    """Posts a message of blocks.

    Args:
        name: What the operator calls it.
        url: The webhook's address, a secret.

    Raises:
        ConfigurationError: It is no address of HTTP.
    """

    kind = ChannelKind.SLACK

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._post = HttpPost(url)

    def send(self, notice: Notice) -> None:
        """Post the message; raises as :meth:`Channel.send`."""
        self._post.send(json.dumps(_document(notice)).encode(), {"Idempotency-Key": notice.key})


def _document(notice: Notice) -> dict[str, object]:
    # At most ten: Slack takes no more.
    fields = [
        {"type": "mrkdwn", "text": f"*{name}*\n{_escaped(value[:_LONGEST_FIELD])}"}
        for name, value in notice.looked_up().items()
    ]
    text = _escaped(notice.text)[:_LONGEST_TEXT]
    blocks: list[dict[str, object]] = [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": f"{_SIGNS[notice.severity]} *{_escaped(notice.title)}*\n{text}"},
        },
        {"type": "context", "elements": [{"type": "mrkdwn", "text": f"`{notice.key}`"}]},
    ]
    if fields:
        blocks.insert(1, {"type": "section", "fields": fields})
    # The text is what notifications and screen readers show.
    return {"text": text, "blocks": blocks}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""Slack, by an incoming webhook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from spanledger_api.alerts.alert import money
from spanledger_api.alerts.channels.channel import ChannelKind
from spanledger_api.alerts.channels.http_post import HttpPost
from spanledger_api.alerts.kinds import Severity
from spanledger_api.messages import message

if TYPE_CHECKING:
    from spanledger_api.alerts.alert import Alert
    from spanledger_api.alerts.channels.channel import Notice

__all__ = ["SlackChannel"]

_SIGNS: Final = {
    Severity.INFO: ":information_source:",
    Severity.WARNING: ":warning:",
    Severity.CRITICAL: ":rotating_light:",
}
_LONGEST_TEXT: Final = 2900  # Slack takes 3,000 characters in a section


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
    alert = notice.alert
    title = message(f"alert_title_{alert.severity}", notice.locale, rule=alert.rule_name)
    fields = [{"type": "mrkdwn", "text": f"*{name}*\n{_escaped(value)}"} for name, value in _fields(alert).items()]
    text = _escaped(notice.text)[:_LONGEST_TEXT]
    blocks: list[dict[str, object]] = [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": f"{_SIGNS[alert.severity]} *{_escaped(title)}*\n{text}"},
        },
        {"type": "context", "elements": [{"type": "mrkdwn", "text": f"`{notice.key}`"}]},
    ]
    if fields:
        blocks.insert(1, {"type": "section", "fields": fields})
    # The text is what notifications and screen readers show.
    return {"text": text, "blocks": blocks}


def _fields(alert: Alert) -> dict[str, str]:
    """What can be looked up, at most ten: Slack takes no more."""
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
    return {name: value[:500] for name, value in found.items() if value}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""Channels as the operator states them, in a file or by variables, and made ready to send."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Self

from pydantic import BaseModel, Field, model_validator

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger_api.alerts.channels import (
    AppriseChannel,
    Channel,
    ChannelKind,
    EmailChannel,
    SlackChannel,
    WebhookChannel,
)
from spanledger_api.alerts.secret_reference import is_reference, resolve

__all__ = ["ChannelDefinition", "build_channel", "channels_of_environment"]


class ChannelDefinition(BaseModel, extra="forbid", frozen=True):
    """A channel as a file states it; what is secret is only referred to."""

    name: str = Field(max_length=100)
    kind: ChannelKind
    url: str = Field(min_length=1)
    secret: str | None = None
    sender: str | None = Field(default=None, alias="from")
    recipients: list[str] = Field(default_factory=list[str], alias="to")

    @model_validator(mode="after")
    def _keeps_secrets_out_of_the_file(self) -> Self:
        # A webhook's address is none: its requests are signed.
        stated = {"secret": self.secret} if self.kind is ChannelKind.WEBHOOK else {"url": self.url}
        for name, value in stated.items():
            if value is not None and not is_reference(value):
                message = f"{name} is a secret: write env:NAME or file:/path instead of it"
                raise ValueError(message)
        if self.kind is not ChannelKind.EMAIL and (self.sender or self.recipients):
            message = "from and to belong to channels of kind email"
            raise ValueError(message)
        if self.kind is not ChannelKind.WEBHOOK and self.secret:
            message = "secret belongs to channels of kind webhook"
            raise ValueError(message)
        return self


def build_channel(stated: ChannelDefinition, variables: Mapping[str, str] = os.environ) -> Channel:
    """A channel ready to send.

    Raises:
        ConfigurationError: A secret is missing, or what is stated is no address; never with the secret.
    """
    url = resolve(stated.url, variables)
    match stated.kind:
        case ChannelKind.SLACK:
            return SlackChannel(stated.name, url)
        case ChannelKind.WEBHOOK:
            return WebhookChannel(
                stated.name, url, None if stated.secret is None else resolve(stated.secret, variables)
            )
        case ChannelKind.EMAIL:
            return EmailChannel(stated.name, url, stated.sender or next(iter(stated.recipients), ""), stated.recipients)
        case ChannelKind.APPRISE:
            return AppriseChannel(stated.name, url)


def channels_of_environment(variables: Mapping[str, str] = os.environ) -> tuple[Channel, ...]:
    """The channels ``slack``, ``webhook`` and ``email`` that variables set up; none where they are unset or empty.

    Raises:
        ConfigurationError: A variable is not usable, or a mail has recipients and no server; never with a secret.
    """
    found: list[Channel] = []
    if slack := variables.get(environment.ALERT_SLACK_WEBHOOK):
        with _named(environment.ALERT_SLACK_WEBHOOK):
            found.append(SlackChannel("slack", resolve(slack, variables)))
    if webhook := variables.get(environment.ALERT_WEBHOOK_URL):
        secret = variables.get(environment.ALERT_WEBHOOK_SECRET)
        with _named(environment.ALERT_WEBHOOK_URL):
            key = resolve(secret, variables) if secret else None
            found.append(WebhookChannel("webhook", resolve(webhook, variables), key))
    if recipients := variables.get(environment.ALERT_EMAIL_TO):
        with _named(environment.SMTP_URL):
            server = resolve(variables.get(environment.SMTP_URL, ""), variables)
            everybody = [each.strip() for each in recipients.split(",") if each.strip()]
            sender = variables.get(environment.ALERT_EMAIL_FROM) or next(iter(everybody), "")
            found.append(EmailChannel("email", server, sender, everybody))
    return tuple(found)


@contextmanager
def _named(variable: str) -> Generator[None]:
    try:
        yield
    except ConfigurationError as error:
        message = f"{variable}: {error}"
        raise ConfigurationError(message) from error

"""Mutes: what nobody wants to be told of for a while."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from spanledger_api.alerts.alert import Alert

__all__ = ["Mute", "MuteDefinition"]

_Chosen = Annotated[str | None, Field(min_length=1, max_length=500)]


class MuteDefinition(BaseModel, extra="forbid", frozen=True):
    """A mute as it is stated: alerts that meet all of it are kept and shown, and not sent."""

    rule_id: _Chosen = Field(default=None, description="Alerts of this rule or budget only.")
    service: _Chosen = Field(default=None, description="Alerts about this service only.", examples=["openai"])
    user_id: _Chosen = Field(default=None, description="Alerts about this user only.")
    until: AwareDatetime = Field(description="When it ends (RFC 3339).")
    reason: str = Field(default="", max_length=500, description="Why, for people.", examples=["load test"])

    @model_validator(mode="after")
    def _states_something(self) -> Self:
        if self.rule_id is None and self.service is None and self.user_id is None:
            message = "state rule_id, service or user_id: what is to be silent"
            raise ValueError(message)
        return self

    def covers(self, alert: Alert, now: datetime) -> bool:
        """Whether an alert is not to be sent now."""
        stated = ((self.rule_id, alert.rule_id), (self.service, alert.service), (self.user_id, alert.user_id))
        return now < self.until and all(wanted in {None, found} for wanted, found in stated)


class Mute(MuteDefinition, frozen=True):
    """A mute that was set."""

    mute_id: str

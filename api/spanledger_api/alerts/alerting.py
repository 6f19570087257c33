"""What the handlers of alerts share: the operator's set-up, and what days cost."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.daily_costs import DailyCosts
from spanledger_clickhouse.ledger import Ledger

__all__ = ["Alerted", "Alerting"]


@dataclass(frozen=True, slots=True)
class Alerting:
    """What the app was set up with.

    Attributes:
        ledger: The ledger with every row in it, for what is filtered before it is shown.
        configuration: What the operator set up.
        costs: What days cost.
    """

    ledger: Ledger
    configuration: AlertConfiguration
    costs: DailyCosts


def _alerting(request: Request) -> Alerting:
    found = request.app.state.alerting
    if not isinstance(found, Alerting):
        message = "the app was not made by create_app"
        raise TypeError(message)
    return found


Alerted = Annotated[Alerting, Depends(_alerting)]
"""Annotation of a handler's argument that receives what alerts were set up with."""

"""What the app was created with, and how a handler gets hold of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from spanledger.pricing import Calculator
from spanledger_api.messages import Locale
from spanledger_clickhouse.ledger import Ledger

__all__ = ["Deployed", "Deployment"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """The parts that every handler shares.

    Attributes:
        ledger: What the reports read; it runs statements from any thread.
        clock: The current time, aware; it decides which period is the current one.
        locale: Language of messages where the request does not ask for one.
        calculator: Prices what advice compares with.
    """

    ledger: Ledger
    clock: Callable[[], datetime]
    locale: Locale
    calculator: Calculator


def _deployment(request: Request) -> Deployment:
    deployment = request.app.state.deployment
    if not isinstance(deployment, Deployment):
        message = "the app was not made by create_app"
        raise TypeError(message)
    return deployment


Deployed = Annotated[Deployment, Depends(_deployment)]
"""Annotation of a handler's argument that receives the deployment."""

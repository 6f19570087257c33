"""What the app was created with, and how a handler gets hold of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from spanledger.pricing import Calculator
from spanledger_api.access.dependencies import principal_of
from spanledger_api.access.row_filters import row_filters
from spanledger_api.messages import Locale
from spanledger_clickhouse.bounded_ledger import BoundedLedger

__all__ = ["Deployed", "Deployment"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """The parts that every handler shares.

    Attributes:
        ledger: What the reports read; it runs statements from any thread. A handler's holds only the rows of whoever
            asks, and every statement on it is limited.
        clock: The current time, aware; it decides which period is the current one.
        locale: Language of messages where the request does not ask for one.
        calculator: Prices what advice compares with.
    """

    ledger: BoundedLedger
    clock: Callable[[], datetime]
    locale: Locale
    calculator: Calculator


def _deployment(request: Request) -> Deployment:
    deployment = request.app.state.deployment
    if not isinstance(deployment, Deployment):
        message = "the app was not made by create_app"
        raise TypeError(message)
    # The one place where a request gets hold of the ledger, so that nothing can be asked past its limits.
    scope = principal_of(request).scope
    if scope is None:
        return deployment
    return replace(deployment, ledger=deployment.ledger.hiding(row_filters(deployment.ledger, scope)))


Deployed = Annotated[Deployment, Depends(_deployment)]
"""Annotation of a handler's argument that receives the deployment."""

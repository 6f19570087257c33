"""Alerts as a part of the app: their paths, their set-up and their counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from spanledger_api.alerts.alerting import Alerting
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.daily_costs import DailyCosts
from spanledger_api.alerts.exposition import AlertExposition
from spanledger_api.alerts.routes import router

if TYPE_CHECKING:
    from fastapi import FastAPI

    from spanledger_api.metrics import Metrics
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["install_alerts"]


def install_alerts(app: FastAPI, ledger: Ledger, metrics: Metrics) -> None:
    """Add the paths of alerts and budgets.

    Args:
        app: The app.
        ledger: Its ledger.
        metrics: Shows the counters of alerts too.

    Raises:
        ConfigurationError: Alerts are set up in a way that cannot be used.
    """
    app.state.alerting = Alerting(ledger, AlertConfiguration.from_environment(), DailyCosts(ledger))
    app.include_router(router)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(AlertExposition(ledger))
    metrics.include(registry)

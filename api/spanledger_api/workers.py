"""The work behind the ledger, repeated in the background: one place that knows all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger.pricing import Calculator, PriceBook
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.watching import alert_steps
from spanledger_clickhouse.periodic import Periodic
from spanledger_clickhouse.rating import Rater
from spanledger_clickhouse.rollups import RollupWorker

if TYPE_CHECKING:
    from contextlib import ExitStack

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["start_workers"]

_RATER_PAUSE_SECONDS = 0.5
_ROLLUPS_PAUSE_SECONDS = 1.0


def start_workers(running: ExitStack, ledger: Ledger) -> None:
    """Start every worker, each of which ends when ``running`` is left.

    Call it before the collector is served, so that a worker outlives what it works behind.

    Args:
        running: Takes what must be stopped.
        ledger: A ledger with the current schema.

    Raises:
        ConfigurationError: ``SPANLEDGER_PRICES`` names no file, or alerts are set up in a way that cannot be used.
        PriceBookError: That file has a row that is not valid; better now than in the rater later.
    """
    for worker in _workers(ledger):
        running.callback(worker.stop)
        worker.start()


def _workers(ledger: Ledger) -> list[Periodic]:
    book = PriceBook.from_environment()
    rater = Rater(ledger, Calculator(book))
    alerts = alert_steps(ledger, AlertConfiguration.from_environment(), book)
    return [
        Periodic("rater", rater.rate_pending, _RATER_PAUSE_SECONDS),
        Periodic("rollups", RollupWorker(ledger).rebuild, _ROLLUPS_PAUSE_SECONDS),
        *(Periodic(name, step, pause) for name, step, pause in alerts),
    ]

"""The work behind the ledger, repeated in the background: one place that knows all of it."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from spanledger.pricing import Calculator, PriceBook
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.watching import alert_steps
from spanledger_api.rollup_work import rollup_steps
from spanledger_clickhouse.background_ledger import BackgroundLedger
from spanledger_clickhouse.leases import Lease, LedgerLeaseLog
from spanledger_clickhouse.periodic import Periodic
from spanledger_clickhouse.rating import Rater
from spanledger_clickhouse.rollups import keep_up
from spanledger_clickhouse.table_writes import TableWrites

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["start_workers"]

_LEASE = "workers"
_RATER_PAUSE_SECONDS = 0.5
_KEEP_UP_PAUSE_SECONDS = 0.2
_LOOK_SHARED_SECONDS = 0.2
"""Steps that come so soon after each other look once whether anything was written."""


def start_workers(running: ExitStack, ledger: Ledger) -> None:
    """Start every worker, each of which ends when ``running`` is left.

    Call it before the collector is served, so that a worker outlives what it works behind. On a server any number of
    processes may call it for one ledger: those without the lease stand by.

    Args:
        running: Takes what must be stopped.
        ledger: A ledger with the current schema.

    Raises:
        ConfigurationError: ``SPANLEDGER_PRICES`` names no file, or alerts are set up in a way that cannot be used.
        PriceBookError: That file has a row that is not valid; better now than in the rater later.
    """
    lease = None if ledger.dsn.embedded else Lease(LedgerLeaseLog(ledger, _LEASE))
    stopping = threading.Event()
    workers = _workers(ledger, lease, stopping.is_set)
    if lease is not None:
        running.callback(lease.release)
        workers.insert(0, Periodic("lease", lease.keep, lease.seconds / 3))
    for worker in workers:
        running.callback(worker.stop)
        worker.start()
    running.callback(stopping.set)


def _workers(ledger: Ledger, lease: Lease | None, is_stopping: Callable[[], bool]) -> list[Periodic]:
    def periodic(name: str, work: Callable[[], object], seconds: float, due: threading.Event | None = None) -> Periodic:
        # The directory of an embedded ledger is held by one process; that is its lease.
        return Periodic(name, work if lease is None else partial(_while_held, lease, work), seconds, due)

    book, background = PriceBook.from_environment(), BackgroundLedger(ledger)
    writes = TableWrites(background, _LOOK_SHARED_SECONDS)
    rater = Rater(background, Calculator(book), writes)
    alerts = alert_steps(background, AlertConfiguration.from_environment(), book, writes)
    rollups = rollup_steps(background, is_stopping, writes)
    return [
        periodic("rater", rater.rate_pending, _RATER_PAUSE_SECONDS),
        # Not in the background: reports are answered as of what it has found out, or wait for it.
        periodic("recent-records", partial(keep_up, ledger), _KEEP_UP_PAUSE_SECONDS, ledger.origin.loaded),
        *(periodic(name, step, pause) for name, step, pause in (*rollups, *alerts)),
    ]


def _while_held(lease: Lease, work: Callable[[], object]) -> None:
    if lease.held:
        work()

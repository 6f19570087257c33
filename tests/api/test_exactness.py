"""Reports are exact whatever happens to the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.api.exactness import Recounted

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger


def test_every_report_equals_a_recount_whatever_happened(ledger: Ledger) -> None:
    """Under repeats, late spans, decisions, merges, rebuilds and their failures each report is the plain recount."""

    class OfThisLedger(Recounted):
        pass

    OfThisLedger.ledger = ledger
    run_state_machine_as_test(
        OfThisLedger,
        settings=settings(max_examples=3, stateful_step_count=12, deadline=None),
    )

"""Writes a small embedded ledger: ``python -m tests.documentation.sample_ledger DIRECTORY``.

A process of its own, as a process has one embedded engine and tests use theirs.
"""

from __future__ import annotations

import sys

from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate
from tests.clickhouse.repricing.conftest import arrive, chat, transcription


def write(directory: str) -> None:
    """Two paid calls of November 2026, whose prices `NEW_PRICES` of the re-pricing tests changes."""
    with open_ledger(f"chdb://{directory}") as ledger:
        migrate(ledger)
        arrive(ledger, 1, chat())
        arrive(ledger, 2, transcription())


if __name__ == "__main__":
    write(sys.argv[1])

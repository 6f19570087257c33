"""At which priority the engine works on what nobody waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["BACKGROUND_NICE", "background_settings"]

BACKGROUND_NICE: Final = 5
"""The nice value of loads, merges and sums. With both cores full a load still gets what 20,000 spans a second take."""

_SETTINGS: Final = {
    "os_threads_nice_value_query": str(BACKGROUND_NICE),
    "os_threads_nice_value_materialized_view": str(BACKGROUND_NICE),
}


def background_settings(ledger: Ledger) -> dict[str, str]:
    """Settings of a statement that steps back for those that somebody waits for.

    They are the embedded engine's; a server has priorities of its own, and may be older than the settings. Without
    CAP_SYS_NICE the engine leaves priorities as they are.
    """
    return dict(_SETTINGS) if ledger.dsn.embedded else {}

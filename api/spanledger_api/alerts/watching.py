"""The background work of alerts, as plain steps: what each is called, what it does, how long it pauses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from spanledger_api.alerts.anomalies import AnomalyWatch
from spanledger_api.alerts.budget_watch import BudgetWatch
from spanledger_api.alerts.daily_costs import DailyCosts
from spanledger_api.alerts.data_quality import DataQualityWatch
from spanledger_api.alerts.definitions import Definitions
from spanledger_api.alerts.operations import OperationWatch
from spanledger_api.alerts.outbox import Outbox
from spanledger_api.alerts.progress import Progress
from spanledger_api.messages import default_locale

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger.pricing import PriceBook
    from spanledger_api.alerts.configuration import AlertConfiguration
    from spanledger_clickhouse.ledger import Ledger
    from spanledger_clickhouse.table_writes import TableWrites

__all__ = ["alert_steps"]

_LOOK_SECONDS: Final = 0.5
_DELIVER_SECONDS: Final = 0.5
_BUDGET_SECONDS: Final = 5.0
_DAY_SECONDS: Final = 60.0


def alert_steps(
    ledger: Ledger, configuration: AlertConfiguration, book: PriceBook, writes: TableWrites | None = None
) -> list[tuple[str, Callable[[], object], float]]:
    """Every step: its name, the function, and the pause after it in seconds.

    Channels have a step of their own each, so that one that does not answer holds up no other.

    Args:
        ledger: A ledger with the current schema.
        configuration: What the operator set up.
        book: The price book whose age is watched.
        writes: What the steps ask whether there is anything new; None lets each look by itself.

    Raises:
        ConfigurationError: ``SPANLEDGER_LOCALE`` names a language there is not.
        ClickHouseError: The ledger does not answer.
    """
    names, locale = configuration.channel_names, default_locale()
    definitions = Definitions(ledger, configuration, writes)
    progress = Progress(ledger)
    # The watch of a new ledger begins now, before the first span can arrive, and not with the first look.
    progress.begin()
    operations = OperationWatch(ledger, definitions, names, progress, writes)
    budgets = BudgetWatch(ledger, configuration, DailyCosts(ledger), progress, _utc_now, writes)
    anomalies = AnomalyWatch(ledger, definitions, names, progress, _utc_now)
    quality = DataQualityWatch(ledger, definitions, names, _utc_now, book)
    return [
        ("alerts-operations", operations.look, _LOOK_SECONDS),
        ("alerts-budgets", budgets.look, _BUDGET_SECONDS),
        ("alerts-anomalies", anomalies.look, _DAY_SECONDS),
        ("alerts-data-quality", quality.look, _DAY_SECONDS),
        *(
            (
                f"alerts-to-{channel.name}",
                Outbox(ledger, channel, locale, _utc_now, configuration.notices_per_minute, writes).deliver,
                _DELIVER_SECONDS,
            )
            for channel in configuration.channels
        ),
    ]


def _utc_now() -> datetime:
    return datetime.now(UTC)

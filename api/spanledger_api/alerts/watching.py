"""The background work of alerts, as plain steps: what each is called, what it does, how long it pauses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spanledger_api.alerts.definitions import Definitions
from spanledger_api.alerts.operations import OperationWatch
from spanledger_api.alerts.outbox import Outbox
from spanledger_api.messages import default_locale

if TYPE_CHECKING:
    from collections.abc import Callable

    from spanledger_api.alerts.configuration import AlertConfiguration
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["alert_steps"]

_LOOK_SECONDS = 0.5
_DELIVER_SECONDS = 0.5


def alert_steps(ledger: Ledger, configuration: AlertConfiguration) -> list[tuple[str, Callable[[], object], float]]:
    """Every step: its name, the function, and the pause after it in seconds.

    Channels have a step of their own each, so that one that does not answer holds up no other.

    Raises:
        ConfigurationError: ``SPANLEDGER_LOCALE`` names a language there is not.
    """
    definitions = Definitions(ledger, configuration)
    operations = OperationWatch(ledger, definitions, configuration.channel_names)
    locale = default_locale()
    return [
        ("alerts-operations", operations.look, _LOOK_SECONDS),
        *(
            (f"alerts-to-{channel.name}", Outbox(ledger, channel, locale, _utc_now).deliver, _DELIVER_SECONDS)
            for channel in configuration.channels
        ),
    ]


def _utc_now() -> datetime:
    return datetime.now(UTC)

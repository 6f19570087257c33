"""Sends what was noticed, one channel at a time: not again once the other side says that it has it."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from spanledger.exceptions import DeliveryFailedError, DeliveryRefusedError
from spanledger_api.alerts.channels import Notice
from spanledger_api.alerts.definitions import all_mutes
from spanledger_api.alerts.register import ALERT_COLUMNS, alert_of
from spanledger_api.rows import integer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from spanledger_api.alerts.alert import Alert
    from spanledger_api.alerts.channels import Channel
    from spanledger_api.alerts.mute import Mute
    from spanledger_api.messages import Locale
    from spanledger_api.rows import Row
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["MAX_ATTEMPTS", "Outbox", "backoff_seconds"]

MAX_ATTEMPTS: Final = 15
"""After so many attempts, about three hours, a delivery is given up and shows as failed."""

_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 3600.0
_A_STATEMENT: Final = 20
_log = logging.getLogger(__name__)

_ALERT: Final = ", ".join(f"alerts_local.{name} AS {name}" for name in ALERT_COLUMNS)
_DUE: Final = f"""
SELECT {_ALERT}, due.attempts AS attempts, due.version AS delivery_version, due.created_at AS created_at
FROM
(
    SELECT alert_id, attempts, version, created_at
    FROM alert_deliveries_local FINAL
    WHERE channel = {{channel:String}} AND status = 'pending' AND next_attempt_at <= {{now:DateTime64(3, 'UTC')}}
    ORDER BY next_attempt_at, alert_id
    LIMIT {{due_limit:UInt32}}
) AS due
INNER JOIN (SELECT * FROM alerts_local FINAL) AS alerts_local ON alerts_local.alert_id = due.alert_id
ORDER BY detected_at, alert_id
"""  # noqa: S608 - names of columns that stand in this program
_WRITE: Final = """
INSERT INTO alert_deliveries_local
    (alert_id, channel, status, attempts, created_at, next_attempt_at, delivered_at, error, version)
SELECT
    {alert_id:UUID}, {channel:String}, {status:String}, {attempts:UInt32}, {created_at:DateTime64(3, 'UTC')},
    {next_attempt_at:DateTime64(3, 'UTC')}, {delivered_at:Nullable(DateTime64(3, 'UTC'))}, {error:String},
    {version:Int64}
"""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One alert on its way to the channel, as far as it has come."""

    alert_id: UUID
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    version: int
    status: str = "pending"
    delivered_at: datetime | None = None
    error: str = ""


class Outbox:
    """Sends one channel's share of the outbox; one works on a channel of a ledger at a time.

    What the other side took is written down before anything else is sent. Should the ledger not take that, it is
    remembered here and written first at the next step: only a process killed between the two sends twice.

    Args:
        ledger: A ledger with the current schema.
        channel: Where to.
        locale: The language of channels that speak only one.
        clock: The current time, aware.
    """

    def __init__(self, ledger: Ledger, channel: Channel, locale: Locale, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._channel = channel
        self._locale = locale
        self._clock = clock
        self._unwritten: dict[UUID, _Delivery] = {}
        self._not_before: datetime | None = None

    def deliver(self) -> int:
        """Send what is due, the oldest first, until something fails.

        Returns:
            How many attempts were made.

        Raises:
            ClickHouseError: The ledger does not answer; what was sent meanwhile is not sent again.
        """
        for delivery in list(self._unwritten.values()):
            self._write(delivery)
        attempts = 0
        if self._not_before is not None and self._clock() < self._not_before:
            return attempts
        mutes = all_mutes(self._ledger)
        while rows := self._due():
            for row in rows:
                attempts += 1
                if not self._attempt(alert_of(row), _delivery_of(row, self._clock()), mutes):
                    return attempts
            if len(rows) < _A_STATEMENT:
                break
        return attempts

    def _due(self) -> list[Row]:
        bound = {"channel": self._channel.name, "now": self._clock(), "due_limit": _A_STATEMENT}
        return list(self._ledger.query(_DUE, bound))

    def _attempt(self, alert: Alert, delivery: _Delivery, mutes: Sequence[Mute]) -> bool:
        """Send one; False if the channel wants to be left alone for a while."""
        now = self._clock()
        if mute := next((mute for mute in mutes if mute.covers(alert, now)), None):
            self._write(replace(delivery, status="muted", error=f"muted until {mute.until.isoformat()}"))
            return True
        tried = replace(delivery, attempts=delivery.attempts + 1)
        try:
            self._channel.send(Notice(alert, self._locale))
        except DeliveryRefusedError as error:
            _log.warning("The channel %s refuses alert %s: %s", self._channel.name, alert.alert_id, error)
            self._write(replace(tried, status="failed", error=str(error)))
        except DeliveryFailedError as error:
            self._write(self._postponed(tried, error))
            if error.retry_after is not None:
                self._not_before = self._clock() + timedelta(seconds=error.retry_after)
            return False
        else:
            self._write(replace(tried, status="sent", delivered_at=self._clock(), error=""))
        return True

    def _postponed(self, tried: _Delivery, error: DeliveryFailedError) -> _Delivery:
        if tried.attempts >= MAX_ATTEMPTS:
            _log.warning("The channel %s gives up alert %s: %s", self._channel.name, tried.alert_id, error)
            return replace(tried, status="failed", error=f"given up after {tried.attempts} attempts: {error}")
        pause = max(backoff_seconds(tried.attempts), error.retry_after or 0.0)
        return replace(tried, next_attempt_at=self._clock() + timedelta(seconds=pause), error=str(error))

    def _write(self, delivery: _Delivery) -> None:
        self._unwritten[delivery.alert_id] = delivery
        self._ledger.command(
            _WRITE,
            {
                "alert_id": str(delivery.alert_id),
                "channel": self._channel.name,
                "status": delivery.status,
                "attempts": delivery.attempts,
                "created_at": delivery.created_at,
                "next_attempt_at": delivery.next_attempt_at,
                "delivered_at": delivery.delivered_at,
                "error": delivery.error,
                "version": delivery.version + 1,
            },
        )
        del self._unwritten[delivery.alert_id]


def backoff_seconds(attempts: int) -> float:
    """How long to wait after so many attempts: twice as long each time, an hour at most, with some chance in it.

    Channels that failed together do not come back together.
    """
    longest = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 30), _LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


def _delivery_of(row: Row, now: datetime) -> _Delivery:
    return _Delivery(
        alert_id=cast("UUID", row["alert_id"]),
        attempts=integer(row, "attempts"),
        created_at=cast("datetime", row["created_at"]),
        next_attempt_at=now,
        version=integer(row, "delivery_version"),
    )

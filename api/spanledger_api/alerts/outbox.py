"""Sends what was noticed, one channel at a time: not again once the other side says that it has it."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from spanledger.exceptions import DeliveryFailedError, DeliveryRefusedError
from spanledger_api.alerts.channels import Notice, digest_of
from spanledger_api.alerts.collecting import NO_NOTICE, NOTICES_PER_MINUTE, Collecting
from spanledger_api.alerts.definitions import all_mutes
from spanledger_api.alerts.register import ALERT_COLUMNS, alert_of
from spanledger_api.rows import integer, text
from spanledger_clickhouse.table_writes import Kept, TableWrites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from spanledger_api.alerts.alert import Alert
    from spanledger_api.alerts.channels import Channel
    from spanledger_api.alerts.collecting import PendingDigest
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
_DELIVERIES: Final = "alert_deliveries_local"
_NEXT_DUE: Final = """
SELECT min(next_attempt_at) AS due, count() AS waiting FROM alert_deliveries_local FINAL
WHERE channel = {channel:String} AND status = 'pending'
"""
_DUE_NOW: Final = """
    channel = {channel:String} AND status = 'pending' AND (notice_id = {none:UUID} OR notice_id = alert_id)
    AND next_attempt_at <= {now:DateTime64(3, 'UTC')}
"""
_DUE: Final = f"""
SELECT {_ALERT}, due.attempts AS attempts, due.version AS delivery_version, due.created_at AS created_at,
    due.is_fresh AND kind = 'operation' AS collectable
FROM
(
    SELECT alert_id, attempts, version, created_at, next_attempt_at,
        attempts = 0 AND notice_id = {{none:UUID}} AS is_fresh
    FROM alert_deliveries_local FINAL WHERE {_DUE_NOW}
) AS due
INNER JOIN
(
    SELECT * FROM alerts_local FINAL
    WHERE alert_id IN (SELECT alert_id FROM alert_deliveries_local FINAL WHERE {_DUE_NOW})
) AS alerts_local ON alerts_local.alert_id = due.alert_id
WHERE NOT collectable OR rule_id IN {{rules:Array(String)}}
ORDER BY due.next_attempt_at, detected_at, alert_id
LIMIT {{due_limit:UInt32}}
"""  # noqa: S608 - names of columns that stand in this program
_WRITE: Final = """
INSERT INTO alert_deliveries_local
    (alert_id, notice_id, channel, status, attempts, created_at, next_attempt_at, delivered_at, error, version)
SELECT
    {alert_id:UUID}, {alert_id:UUID}, {channel:String}, {status:String}, {attempts:UInt32},
    {created_at:DateTime64(3, 'UTC')}, {next_attempt_at:DateTime64(3, 'UTC')},
    {delivered_at:Nullable(DateTime64(3, 'UTC'))}, {error:String},
    {version:Int64}
"""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One notice on its way to the channel, as far as it has come; one of several alerts has its own identifier."""

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
        per_minute: How many notices of a rule about operations are sent in a minute; what is beyond is told together.
        writes: Tells whether deliveries were written; None looks at every step.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it sends, where to, and what it goes by
        self,
        ledger: Ledger,
        channel: Channel,
        locale: Locale,
        clock: Callable[[], datetime],
        per_minute: int = NOTICES_PER_MINUTE,
        writes: TableWrites | None = None,
    ) -> None:
        self._ledger = ledger
        self._channel = channel
        self._locale = locale
        self._clock = clock
        self._collecting = Collecting(ledger, channel.name, per_minute)
        self._unwritten: dict[UUID, tuple[str, dict[str, object]]] = {}
        self._not_before: datetime | None = None
        # Asked at every step, and mostly in vain.
        self._next_due = Kept(writes or TableWrites(ledger), (_DELIVERIES,), self._read_next_due)

    def deliver(self) -> int:
        """Send what is due, the oldest first, until something fails.

        Returns:
            How many attempts were made.

        Raises:
            ClickHouseError: The ledger does not answer; what was sent meanwhile is not sent again.
        """
        for notice_id, (statement, bound) in list(self._unwritten.items()):
            self._note(notice_id, statement, bound)
        if self._not_before is not None and self._clock() < self._not_before:
            return 0
        due = self._next_due.value()
        if due is None or due > self._clock():
            return 0
        mutes = all_mutes(self._ledger)
        allowances = self._collecting.allowances(self._clock())
        attempts = 0
        for digest in self._collecting.digests(self._clock()):
            attempts += 1
            if not self._attempt_digest(digest, mutes):
                return attempts
        for row in self._singles(allowances):
            attempts += 1
            if not self._attempt(alert_of(row), _delivery_of(row, self._clock()), mutes):
                return attempts
        return attempts

    def _read_next_due(self) -> datetime | None:
        """When the first of what is waiting is due; None where nothing waits."""
        [row] = self._ledger.query(_NEXT_DUE, {"channel": self._channel.name})
        return cast("datetime", row["due"]) if row["waiting"] else None

    def _singles(self, allowances: dict[str, int]) -> Iterator[Row]:
        """What is due by itself, the oldest first; of a rule that has no more room only what may have been told."""
        left = dict(allowances)
        while True:
            rows = self._due([rule_id for rule_id, room in left.items() if room])
            chosen = [row for row in rows if not row["collectable"] or _takes(left, text(row, "rule_id"))]
            if fresh := [cast("UUID", row["alert_id"]) for row in chosen if row["collectable"]]:
                self._collecting.claim(fresh, self._clock())
            yield from chosen
            if len(rows) < _A_STATEMENT:
                return

    def _due(self, rules: list[str]) -> list[Row]:
        bound = {
            "channel": self._channel.name,
            "none": str(NO_NOTICE),
            "now": self._clock(),
            "rules": rules,
            "due_limit": _A_STATEMENT,
        }
        return list(self._ledger.query(_DUE, bound))

    def _attempt(self, alert: Alert, delivery: _Delivery, mutes: Sequence[Mute]) -> bool:
        """Send one; False if the channel wants to be left alone for a while."""
        if mute := _muting(mutes, alert, self._clock()):
            self._write(replace(delivery, status="muted", error=_muted_until(mute)))
            return True
        tried = self._sent(Notice(alert, self._locale), replace(delivery, attempts=delivery.attempts + 1))
        self._write(tried)
        return tried.status != "pending"

    def _attempt_digest(self, digest: PendingDigest, mutes: Sequence[Mute]) -> bool:
        """Send one notice of several alerts; False if the channel wants to be left alone for a while."""
        now = self._clock()
        alerts = self._collecting.members(digest)
        muted = {alert.alert_id: mute for alert in alerts if (mute := _muting(mutes, alert, now))}
        # What may have been sent is not changed any more, unless nobody wants to hear of any of it.
        if muted and (not digest.attempts or len(muted) == len(alerts)):
            self._collecting.mute(digest, muted, now, _muted_until(next(iter(muted.values()))))
            alerts = [alert for alert in alerts if alert.alert_id not in muted]
        if not alerts:
            return True
        delivery = _Delivery(digest.notice_id, digest.attempts + 1, created_at=now, next_attempt_at=now, version=0)
        tried = self._sent(digest_of(digest.notice_id, alerts, self._locale), delivery)
        statement, bound = self._collecting.settlement(
            digest,
            status=tried.status,
            attempts=tried.attempts,
            next_attempt_at=tried.next_attempt_at,
            delivered_at=tried.delivered_at,
            error=tried.error,
        )
        self._note(digest.notice_id, statement, bound)
        return tried.status != "pending"

    def _sent(self, notice: Notice, tried: _Delivery) -> _Delivery:
        """Send a notice, and tell what became of it; it is still pending if it must be tried again."""
        try:
            self._channel.send(notice)
        except DeliveryRefusedError as error:
            _log.warning("The channel %s refuses notice %s: %s", self._channel.name, notice.key, error)
            return replace(tried, status="failed", error=str(error))
        except DeliveryFailedError as error:
            if error.retry_after is not None:
                self._not_before = self._clock() + timedelta(seconds=error.retry_after)
            return self._postponed(tried, error)
        return replace(tried, status="sent", delivered_at=self._clock(), error="")

    def _postponed(self, tried: _Delivery, error: DeliveryFailedError) -> _Delivery:
        if tried.attempts >= MAX_ATTEMPTS:
            _log.warning("The channel %s gives up alert %s: %s", self._channel.name, tried.alert_id, error)
            return replace(tried, status="failed", error=f"given up after {tried.attempts} attempts: {error}")
        pause = max(backoff_seconds(tried.attempts), error.retry_after or 0.0)
        return replace(tried, next_attempt_at=self._clock() + timedelta(seconds=pause), error=str(error))

    def _write(self, delivery: _Delivery) -> None:
        bound: dict[str, object] = {
            "alert_id": str(delivery.alert_id),
            "channel": self._channel.name,
            "status": delivery.status,
            "attempts": delivery.attempts,
            "created_at": delivery.created_at,
            "next_attempt_at": delivery.next_attempt_at,
            "delivered_at": delivery.delivered_at,
            "error": delivery.error,
            "version": delivery.version + 1,
        }
        self._note(delivery.alert_id, _WRITE, bound)

    def _note(self, notice_id: UUID, statement: str, bound: dict[str, object]) -> None:
        """Write down what became of a notice; it is written first at the next step if the ledger does not take it."""
        self._unwritten[notice_id] = statement, bound
        self._ledger.command(statement, bound)
        del self._unwritten[notice_id]


def backoff_seconds(attempts: int) -> float:
    """How long to wait after so many attempts: twice as long each time, an hour at most, with some chance in it.

    Channels that failed together do not come back together.
    """
    longest = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 30), _LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


def _muting(mutes: Sequence[Mute], alert: Alert, now: datetime) -> Mute | None:
    return next((mute for mute in mutes if mute.covers(alert, now)), None)


def _muted_until(mute: Mute) -> str:
    return f"muted until {mute.until.isoformat()}"


def _takes(left: dict[str, int], rule_id: str) -> bool:
    """Whether a rule has room for one more, which it then has not."""
    room = left.get(rule_id, 0)
    left[rule_id] = max(0, room - 1)
    return room > 0


def _delivery_of(row: Row, now: datetime) -> _Delivery:
    return _Delivery(
        alert_id=cast("UUID", row["alert_id"]),
        attempts=integer(row, "attempts"),
        created_at=cast("datetime", row["created_at"]),
        next_attempt_at=now,
        # One more than what was read: of an operation, that it is told by itself has been written down since.
        version=integer(row, "delivery_version") + int(bool(row["collectable"])),
    )

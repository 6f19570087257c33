"""Alerts of single operations that come too fast for a channel: which wait, and which are told of together.

A rule may send a channel some notices a minute. Alerts beyond that wait until the oldest of them has waited for a
minute; then all of them become one notice. Which notice tells of an alert is written down before it is sent, and never
changes: an attempt after a crash tells of the same alerts under the same key, and an alert that a channel may have been
told of by itself is never collected. While a notice of several alerts is on its way, no other is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID, uuid4

from spanledger_api.alerts.register import ALERT_COLUMNS, alert_of
from spanledger_api.rows import integer, text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from spanledger_api.alerts.alert import Alert
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["NOTICES_PER_MINUTE", "NO_NOTICE", "Collecting", "PendingDigest", "Pressure"]

NOTICES_PER_MINUTE: Final = 60
"""How many notices of a rule a channel gets in a minute where nobody says otherwise."""

NO_NOTICE: Final = UUID(int=0)
"""In place of a notice's identifier: nothing has been sent of the alert yet. A notice of its own has the alert's."""

_WINDOW: Final = timedelta(minutes=1)
_MOST_COLLECTED: Final = 5000
_IDS_A_STATEMENT: Final = 200
_NONE: Final = (0, 0)

_FRESH: Final = """
    channel = {channel:String} AND status = 'pending' AND attempts = 0 AND notice_id = {none:UUID}
    AND next_attempt_at <= {now:DateTime64(3, 'UTC')}
"""
_WAITING: Final = f"""
SELECT rule_id, currency, count() AS waiting, min(created_at) AS oldest
FROM (SELECT alert_id, created_at FROM alert_deliveries_local FINAL WHERE {_FRESH}) AS fresh
INNER JOIN
(
    SELECT alert_id, rule_id, currency FROM alerts_local FINAL
    WHERE kind = 'operation' AND alert_id IN (SELECT alert_id FROM alert_deliveries_local FINAL WHERE {_FRESH})
) AS raised ON raised.alert_id = fresh.alert_id
GROUP BY rule_id, currency
ORDER BY rule_id, currency
"""  # noqa: S608 - conditions that stand in this program
# What is on its way counts as well: on a channel that is away nothing piles up that would all be sent when it is back.
_OUT: Final = """
    channel = {channel:String} AND
    (
        delivered_at > {since:DateTime64(3, 'UTC')}
        OR (status = 'pending' AND (attempts > 0 OR notice_id != {none:UUID}))
    )
"""
_TOLD: Final = f"""
SELECT
    rule_id, uniqExact(if(notice_id = {{none:UUID}}, out.alert_id, notice_id)) AS told,
    countIf(status = 'pending' AND notice_id != {{none:UUID}} AND notice_id != out.alert_id) AS collected
FROM (SELECT alert_id, notice_id, status FROM alert_deliveries_local FINAL WHERE {_OUT}) AS out
INNER JOIN
(
    SELECT alert_id, rule_id FROM alerts_local FINAL
    WHERE kind = 'operation' AND alert_id IN (SELECT alert_id FROM alert_deliveries_local FINAL WHERE {_OUT})
) AS raised ON raised.alert_id = out.alert_id
GROUP BY rule_id
"""  # noqa: S608 - conditions that stand in this program
_COLUMNS: Final = "alert_id, channel, status, attempts, created_at, next_attempt_at, delivered_at, error"
# One block, so one insert: all of them are in the notice, or none.
_ONE_BLOCK: Final = (
    "SETTINGS async_insert = 0, max_insert_threads = 1, min_insert_block_size_rows = 1000000, "
    "min_insert_block_size_bytes = 0"
)
_COLLECT: Final = f"""
INSERT INTO alert_deliveries_local ({_COLUMNS}, version, notice_id)
SELECT {_COLUMNS}, version + 1, {{notice_id:UUID}}
FROM alert_deliveries_local FINAL
WHERE {_FRESH}
    AND alert_id IN
    (
        SELECT alert_id FROM alerts_local FINAL
        WHERE kind = 'operation' AND rule_id = {{rule_id:String}} AND currency = {{currency:String}}
    )
ORDER BY created_at, alert_id
LIMIT {{most:UInt32}}
{_ONE_BLOCK}
"""  # noqa: S608 - conditions that stand in this program
_CLAIM: Final = f"""
INSERT INTO alert_deliveries_local ({_COLUMNS}, version, notice_id)
SELECT {_COLUMNS}, version + 1, alert_id
FROM alert_deliveries_local FINAL
WHERE {_FRESH} AND alert_id IN {{ids:Array(UUID)}}
{_ONE_BLOCK}
"""  # noqa: S608 - conditions that stand in this program
_DIGESTS: Final = """
SELECT notice_id, max(attempts) AS tried
FROM alert_deliveries_local FINAL
WHERE channel = {channel:String} AND status = 'pending' AND notice_id != {none:UUID} AND notice_id != alert_id
    AND next_attempt_at <= {now:DateTime64(3, 'UTC')}
GROUP BY notice_id
ORDER BY min(created_at), notice_id
"""
_OF_DIGEST: Final = "channel = {channel:String} AND status = 'pending' AND notice_id = {notice_id:UUID}"
_MEMBERS: Final = f"""
SELECT {", ".join(ALERT_COLUMNS)}
FROM alerts_local FINAL
WHERE alert_id IN (SELECT alert_id FROM alert_deliveries_local FINAL WHERE {_OF_DIGEST})
"""  # noqa: S608 - names of columns that stand in this program
_SETTLE: Final = f"""
INSERT INTO alert_deliveries_local ({_COLUMNS}, version, notice_id)
SELECT
    alert_id, channel, {{status:String}}, {{attempts:UInt32}}, created_at, {{next_attempt_at:DateTime64(3, 'UTC')}},
    {{delivered_at:Nullable(DateTime64(3, 'UTC'))}}, {{error:String}}, version + 1, notice_id
FROM alert_deliveries_local FINAL
WHERE {_OF_DIGEST} AND ({{all:UInt8}} OR alert_id IN {{ids:Array(UUID)}})
{_ONE_BLOCK}
"""  # noqa: S608 - conditions that stand in this program


@dataclass(frozen=True, slots=True)
class Pressure:
    """How many alerts of a rule are waiting for a channel that they have not been sent to yet.

    Attributes:
        rule_id: The rule.
        currency: The currency of their amounts.
        waiting: How many.
        oldest: Since when the first of them waits.
    """

    rule_id: str
    currency: str
    waiting: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class PendingDigest:
    """A notice of several alerts that has not been taken yet.

    Attributes:
        notice_id: Its identifier.
        attempts: How often it was tried.
    """

    notice_id: UUID
    attempts: int


class Collecting:
    """What one channel's notices of operations have come to.

    Args:
        ledger: A ledger with the current schema.
        channel: The channel's name.
        per_minute: How many notices of a rule it gets in a minute.
    """

    def __init__(self, ledger: Ledger, channel: str, per_minute: int) -> None:
        self._ledger = ledger
        self._channel = channel
        self._per_minute = per_minute

    def allowances(self, now: datetime) -> dict[str, int]:
        """How many alerts of each rule may be sent one by one now; of rules that are not in it none.

        What does not fit and has waited for a minute is made one notice on the way.
        """
        pressures = self._pressures(now)
        if not pressures:
            return {}
        told = self._told(now)
        return {
            rule_id: self._allowance(
                [each for each in pressures if each.rule_id == rule_id], now, *told.get(rule_id, _NONE)
            )
            for rule_id in sorted({each.rule_id for each in pressures})
        }

    def _allowance(self, pressures: list[Pressure], now: datetime, told: int, collected: int) -> int:
        room = max(0, self._per_minute - told)
        is_late = any(now - each.oldest >= _WINDOW for each in pressures)
        if sum(each.waiting for each in pressures) <= room or not is_late:
            return room
        if not collected:
            for each in pressures:
                self._collect(each, now)
        return 0

    def claim(self, alerts: Sequence[UUID], now: datetime) -> None:
        """Write down that these are about to be told by themselves, so that no digest tells of them too."""
        self._ledger.command(_CLAIM, self._bound(now=now, ids=[str(each) for each in alerts]))

    def digests(self, now: datetime) -> list[PendingDigest]:
        """The notices of several alerts that are due, the oldest first."""
        rows = self._ledger.query(_DIGESTS, self._bound(now=now))
        return [PendingDigest(cast("UUID", row["notice_id"]), integer(row, "tried")) for row in rows]

    def members(self, digest: PendingDigest) -> list[Alert]:
        """The alerts that a notice tells of."""
        rows = self._ledger.query(_MEMBERS, self._bound(notice_id=str(digest.notice_id)))
        return [alert_of(row) for row in rows]

    def settlement(self, digest: PendingDigest, **outcome: object) -> tuple[str, dict[str, object]]:
        """The statement that writes down what became of a notice, for all of its alerts; repeating it does no harm.

        Args:
            digest: The notice.
            outcome: status, attempts, next_attempt_at, delivered_at and error.
        """
        bound = self._bound(notice_id=str(digest.notice_id), **outcome)
        return _SETTLE, {**bound, "all": 1, "ids": []}

    def mute(self, digest: PendingDigest, alerts: Collection[UUID], now: datetime, reason: str) -> None:
        """Leave some alerts out of a notice that nobody has seen yet, since nobody wants to be told of them."""
        statement, bound = self.settlement(
            digest, status="muted", attempts=0, next_attempt_at=now, delivered_at=None, error=reason
        )
        ids = [str(each) for each in alerts]
        for start in range(0, len(ids), _IDS_A_STATEMENT):
            part = ids[start : start + _IDS_A_STATEMENT]
            self._ledger.command(statement, {**bound, "all": 0, "ids": part})

    def _collect(self, pressure: Pressure, now: datetime) -> None:
        chosen = {"rule_id": pressure.rule_id, "currency": pressure.currency, "most": _MOST_COLLECTED}
        self._ledger.command(_COLLECT, self._bound(now=now, notice_id=str(uuid4()), **chosen))

    def _pressures(self, now: datetime) -> list[Pressure]:
        rows = self._ledger.query(_WAITING, self._bound(now=now))
        return [
            Pressure(
                text(row, "rule_id"), text(row, "currency"), integer(row, "waiting"), cast("datetime", row["oldest"])
            )
            for row in rows
        ]

    def _told(self, now: datetime) -> dict[str, tuple[int, int]]:
        """By rule, how many notices were sent lately or are on their way, and how many alerts are collected now."""
        rows = self._ledger.query(_TOLD, self._bound(since=now - _WINDOW))
        return {text(row, "rule_id"): (integer(row, "told"), integer(row, "collected")) for row in rows}

    def _bound(self, **others: object) -> dict[str, object]:
        return {"channel": self._channel, "none": str(NO_NOTICE), **others}

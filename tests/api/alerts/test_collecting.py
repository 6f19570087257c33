"""Alerts that come too fast are told of together: each is in exactly one notice, whatever happens in between."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, cast

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger_api.alerts.channels import Notice, SlackChannel, WebhookChannel, digest_of
from spanledger_api.alerts.configuration import AlertConfiguration
from spanledger_api.alerts.kinds import Kind, Severity
from spanledger_api.alerts.mute import MuteDefinition
from spanledger_api.alerts.outbox import Outbox
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.alerts.settings import SettingKind, write_setting
from spanledger_api.messages import Locale
from tests.api.alerts.conftest import Clock, an_alert
from tests.api.alerts.receiver import Answer, Receiver, always, once

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

_ROOM = 5


class _KilledError(BaseException):
    """Ends a step as a kill would: nothing after it is done."""


@pytest.fixture
def outbox(ledger: Ledger, receiver: Receiver, clock: Clock) -> Outbox:
    """The outbox of a channel `hook` that takes five notices of a rule in a minute."""
    return _outbox(ledger, receiver, clock)


def _outbox(ledger: Ledger, receiver: Receiver, clock: Clock) -> Outbox:
    return Outbox(ledger, WebhookChannel("hook", receiver.url, "secret"), Locale.ENGLISH, clock, _ROOM)


def _raise(ledger: Ledger, clock: Clock, *numbers: int, **changes: object) -> None:
    facts = {"detected_at": clock.now, **changes}
    alerts = [an_alert(number, value=Decimal(number) / 2, **facts) for number in numbers]
    raise_alerts(ledger, [Finding(alert, ("hook",)) for alert in alerts])


def _told(receiver: Receiver) -> Counter[str]:
    """How many accepted notices name each alert; an attempt under a key that was accepted before is the same notice."""
    notices = {each.key: each.document for each in receiver.received if each.status == 200}
    told: Counter[str] = Counter()
    for document in notices.values():
        if document["type"] == "spanledger.digest":
            told.update(cast("dict[str, list[str]]", document["digest"])["alert_ids"])
        else:
            told[cast("dict[str, str]", document["alert"])["alert_id"]] += 1
    return told


def _digests(receiver: Receiver) -> list[dict[str, object]]:
    documents = [each.document for each in receiver.received if each.status == 200]
    return [cast("dict[str, object]", each["digest"]) for each in documents if each["type"] == "spanledger.digest"]


def _ids(*numbers: int) -> list[str]:
    return [str(an_alert(number).alert_id) for number in numbers]


def _states(ledger: Ledger) -> Counter[object]:
    return Counter(row["status"] for row in ledger.query("SELECT status FROM alert_deliveries"))


def test_a_flood_is_told_of_once(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """The first ones come at once, the rest together after a minute, with their number, their sum and the dearest."""
    _raise(ledger, clock, *range(1, 41))
    outbox.deliver()
    outbox.deliver()
    assert len(receiver.received) == _ROOM
    clock.advance(59)
    _raise(ledger, clock, *range(41, 61))
    outbox.deliver()
    assert len(receiver.received) == _ROOM

    clock.advance(1)
    outbox.deliver()

    [digest] = _digests(receiver)
    facts = {name: digest[name] for name in ("rule_id", "count", "currency", "severity")}
    assert facts == {"rule_id": "operation-cost", "count": 55, "currency": "USD", "severity": "warning"}
    single = [
        float(cast("float", cast("dict[str, object]", each.document["alert"])["value"]))
        for each in receiver.received[:5]
    ]
    assert digest["total"] == sum(range(1, 61)) / 2 - sum(single)
    dearest = cast("list[dict[str, object]]", digest["dearest"])
    assert [each["value"] for each in dearest] == [number / 2 for number in range(60, 50, -1)]
    assert _told(receiver) == Counter(_ids(*range(1, 61)))
    assert _states(ledger) == Counter(sent=60)
    rows = ledger.query("SELECT uniqExact(notice_id) AS notices FROM alert_deliveries")
    assert rows == [{"notices": _ROOM + 1}]


def test_what_fits_comes_by_itself(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """As many as may come, each by itself, however late; another rule, and other kinds, have room of their own."""
    _raise(ledger, clock, *range(1, 6))
    _raise(ledger, clock, *range(11, 16), rule_id="other")
    _raise(ledger, clock, *range(21, 41), kind=Kind.ANOMALY, rule_id="unusual")
    clock.advance(600)
    outbox.deliver()

    assert len(receiver.received) == 30
    assert _digests(receiver) == []


def test_room_comes_back(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """A minute later as many may come by themselves again."""
    _raise(ledger, clock, *range(1, 6))
    outbox.deliver()
    clock.advance(61)
    _raise(ledger, clock, *range(6, 11))
    outbox.deliver()

    assert len(receiver.received) == 10


def test_a_digest_that_fails_stays_the_same(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """It comes again with the same key and bytes; what is raised meanwhile waits for the next one."""
    receiver.answer = once(Answer(500))
    clock.advance(-300)
    _raise(ledger, clock, *range(1, 21))
    clock.advance(300)
    outbox.deliver()
    _raise(ledger, clock, *range(21, 41))
    outbox = _outbox(ledger, receiver, clock)
    clock.advance(61)
    outbox.deliver()
    clock.advance(61)
    outbox.deliver()

    first, second, third = receiver.received
    assert (first.key, first.body) == (second.key, second.body)
    assert third.key != second.key
    assert [digest["count"] for digest in _digests(receiver)] == [20, 20]
    assert _told(receiver) == Counter(_ids(*range(1, 41)))


def test_a_channel_that_was_away_is_not_flooded(
    ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock
) -> None:
    """Of what was raised meanwhile, those that were tried by themselves come so, the others in two notices at most."""
    receiver.answer = always(Answer(503))
    for minute in range(4):
        _raise(ledger, clock, *range(10 * minute, 10 * minute + 10))
        for _ in range(3):
            outbox.deliver()
            clock.advance(20)
    receiver.answer = always(Answer())
    for _ in range(6):
        clock.advance(3600)
        outbox.deliver()

    assert _told(receiver) == Counter(_ids(*range(40)))
    assert len(set(receiver.keys())) <= _ROOM + 2


def test_what_may_have_been_told_is_in_no_digest(
    ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after a notice was taken and before that was noted: it comes again by itself, also amid a flood."""
    command = ledger.command

    def deadly(statement: str, parameters: dict[str, object] | None = None) -> None:
        if receiver.received:
            raise _KilledError
        command(statement, parameters)

    _raise(ledger, clock, 1)
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "command", deadly)
        with pytest.raises(_KilledError):
            outbox.deliver()
    _raise(ledger, clock, *range(2, 22))
    clock.advance(60)
    _outbox(ledger, receiver, clock).deliver()

    assert receiver.keys().count(_ids(1)[0]) == 2
    assert [digest["count"] for digest in _digests(receiver)] == [20]
    assert _told(receiver) == Counter(_ids(*range(1, 22)))


def test_killed_anywhere_each_is_in_one_notice(
    ledger: Ledger, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before or after any statement, with a receiver that fails at times: every alert is in one notice.

    A notice may be accepted twice, by its key, where the kill came before what it came to was written down.
    """
    rng = Random(2)  # noqa: S311 - not a secret
    answers = [Answer(), Answer(), Answer(500), Answer(429, {"Retry-After": "0"})]
    command = ledger.command

    def moody(number: int) -> Answer:
        del number
        return rng.choice(answers)

    def deadly(statement: str, parameters: dict[str, object] | None = None) -> None:
        fate = rng.random()
        if "alert_deliveries_local" in statement and fate < 0.15:
            raise _KilledError
        command(statement, parameters)
        if "alert_deliveries_local" in statement and fate > 0.85:
            raise _KilledError

    receiver.answer = moody
    outbox = _outbox(ledger, receiver, clock)
    raised = 0
    for _ in range(12):
        burst = range(raised, raised + rng.randrange(12))
        raised += len(burst)
        _raise(ledger, clock, *burst)
        outbox = _outbox(ledger, receiver, clock)
        with monkeypatch.context() as patched:
            patched.setattr(ledger, "command", deadly)
            for _ in range(2):
                try:
                    outbox.deliver()
                except _KilledError:
                    outbox = _outbox(ledger, receiver, clock)
                clock.advance(rng.randrange(40))
    receiver.answer = always(Answer())
    for _ in range(4):
        clock.advance(3600)
        outbox.deliver()

    assert _told(receiver) == Counter(_ids(*range(raised)))
    bodies: dict[str, bytes] = {}
    assert all(bodies.setdefault(each.key, each.body) == each.body for each in receiver.received)
    assert _states(ledger) == Counter(sent=raised)


def test_what_the_ledger_did_not_note_is_not_sent_again(
    ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver took the digest and the ledger was away: the next step writes that down first."""
    _raise(ledger, clock, *range(1, 21))
    clock.advance(60)
    command = ledger.command

    def away(statement: str, parameters: dict[str, object] | None = None) -> None:
        if receiver.received:
            message = "no room on the disk"
            raise DatabaseError(message)
        command(statement, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "command", away)
        with pytest.raises(DatabaseError):
            outbox.deliver()
    outbox.deliver()

    assert len(receiver.received) == 1
    assert _states(ledger) == Counter(sent=20)


def test_muted_alerts_are_in_no_digest(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """Those that a mute covers are left out, and a digest of nothing else is not sent."""
    mute = MuteDefinition(rule_id=None, service=None, user_id="loud", until=clock.now + timedelta(hours=1))
    write_setting(ledger, SettingKind.MUTE, "m", mute)
    _raise(ledger, clock, *range(1, 11), user_id="loud")
    _raise(ledger, clock, *range(11, 21))
    _raise(ledger, clock, *range(21, 31), user_id="loud", rule_id="other")
    clock.advance(60)
    outbox.deliver()

    assert [digest["count"] for digest in _digests(receiver)] == [10]
    assert _told(receiver) == Counter(_ids(*range(11, 21)))
    assert _states(ledger) == Counter(sent=10, muted=20)


def test_currencies_are_never_added_up(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """A rule whose currency was changed gets a notice for each."""
    _raise(ledger, clock, *range(1, 11))
    _raise(ledger, clock, *range(11, 21), currency="EUR")
    clock.advance(60)
    outbox.deliver()

    assert {digest["currency"]: digest["total"] for digest in _digests(receiver)} == {"USD": 27.5, "EUR": 77.5}


def test_people_read_how_many_and_which(receiver: Receiver) -> None:
    """Slack shows the gravest severity, the sum and a line for each of the dearest ten, in the channel's language."""
    alerts = [an_alert(number, value=Decimal(number)) for number in range(1, 13)]
    alerts.append(an_alert(13, severity=Severity.CRITICAL, value=Decimal("0.5")))
    SlackChannel("slack", receiver.url).send(digest_of(an_alert(99).alert_id, alerts, Locale.TRADITIONAL_CHINESE))

    [request] = receiver.received
    said = str(request.document["text"])
    assert "共有 13 筆高成本操作超過 $1" in said
    assert "合計 $78.5" in said
    assert len(said.splitlines()) == 11
    assert "嚴重警告" in request.body.decode("unicode_escape")
    assert Notice(alerts[0], Locale.ENGLISH).key != request.key == str(an_alert(99).alert_id)


@pytest.mark.parametrize("stated", ["0", "-1", "many", "1.5", "10000000"])
def test_a_number_that_is_none_is_named(stated: str) -> None:
    """The start stops with the variable's name."""
    with pytest.raises(ConfigurationError, match=environment.ALERT_NOTICES_PER_MINUTE):
        AlertConfiguration.from_environment({environment.ALERT_NOTICES_PER_MINUTE: stated})

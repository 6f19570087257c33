"""The outbox: what was taken is sent once, what failed is sent later, what is refused is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import given
from hypothesis import strategies as st

from spanledger_api.alerts.channels import WebhookChannel
from spanledger_api.alerts.mute import MuteDefinition
from spanledger_api.alerts.outbox import MAX_ATTEMPTS, Outbox, backoff_seconds
from spanledger_api.alerts.register import Finding, raise_alerts
from spanledger_api.alerts.settings import SettingKind, write_setting
from spanledger_api.messages import Locale
from tests.api.alerts.conftest import Clock, an_alert
from tests.api.alerts.receiver import Answer, Receiver, always, once
from tests.statements import statements

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger


@pytest.fixture
def outbox(ledger: Ledger, receiver: Receiver, clock: Clock) -> Outbox:
    """The outbox of a channel `hook` that leads to the receiver."""
    return Outbox(ledger, WebhookChannel("hook", receiver.url, "secret"), Locale.ENGLISH, clock)


def _raise(ledger: Ledger, *numbers: int) -> None:
    raise_alerts(ledger, [Finding(an_alert(number), ("hook",)) for number in numbers])


def _deliveries(ledger: Ledger) -> list[tuple[object, object]]:
    rows = ledger.query("SELECT status, attempts FROM alert_deliveries ORDER BY alert_id, channel")
    return [(row["status"], row["attempts"]) for row in rows]


def test_what_was_taken_is_not_sent_again(ledger: Ledger, outbox: Outbox, receiver: Receiver) -> None:
    """Raised twice and delivered twice, an alert is received once."""
    _raise(ledger, 1, 2)
    outbox.deliver()
    _raise(ledger, 1, 2)
    outbox.deliver()

    assert sorted(receiver.keys()) == sorted(str(an_alert(number).alert_id) for number in (1, 2))
    assert _deliveries(ledger) == [("sent", 1), ("sent", 1)]


def test_a_failure_is_tried_again_later(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """After 500 the same notice comes again with the same key and body, not before the pause is over."""
    receiver.answer = once(Answer(500))
    _raise(ledger, 1)
    outbox.deliver()
    outbox.deliver()
    assert len(receiver.received) == 1
    assert _deliveries(ledger) == [("pending", 1)]

    clock.advance(1.0)
    outbox.deliver()

    first, second = receiver.received
    assert (first.key, first.body) == (second.key, second.body)
    assert _deliveries(ledger) == [("sent", 2)]


@pytest.mark.parametrize("stated", ["30", "date"])
def test_a_channel_is_left_alone_for_as_long_as_it_asks(
    ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock, stated: str
) -> None:
    """After 429 with Retry-After nothing else is sent to the channel until then."""
    at = datetime.now(UTC) + timedelta(seconds=31)
    until = at.strftime("%a, %d %b %Y %H:%M:%S GMT") if stated == "date" else stated
    receiver.answer = once(Answer(429, {"Retry-After": until}))
    _raise(ledger, 1, 2)
    outbox.deliver()
    clock.advance(28)
    outbox.deliver()
    assert len(receiver.received) == 1

    clock.advance(5)
    outbox.deliver()

    assert len(receiver.keys(200)) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302])
def test_a_refusal_is_final(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock, status: int) -> None:
    """Trying again would not help, and the reason is kept; a redirect leads a secret astray, so it is not followed."""
    with Receiver() as elsewhere:
        receiver.answer = always(Answer(status, {"Location": elsewhere.url}, b"no_service"))
        _raise(ledger, 1)
        outbox.deliver()
        clock.advance(10_000)
        outbox.deliver()

        assert len(receiver.received) == 1
        assert elsewhere.received == []
    [row] = ledger.query("SELECT status, error FROM alert_deliveries")
    assert row["status"] == "failed"
    assert f"answered {status}: no_service" in str(row["error"])


def test_a_dead_channel_is_given_up(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """After the last attempt the delivery shows as failed, with what the receiver said."""
    receiver.answer = always(Answer(503, body=b"down"))
    _raise(ledger, 1)
    for _ in range(MAX_ATTEMPTS + 3):
        outbox.deliver()
        clock.advance(3600)

    assert len(receiver.received) == MAX_ATTEMPTS
    [row] = ledger.query("SELECT status, error FROM alert_deliveries")
    assert (row["status"], "answered 503: down" in str(row["error"])) == ("failed", True)


def test_what_the_ledger_did_not_note_is_not_sent_again(
    ledger: Ledger, outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver took it and the ledger was away: the next step writes that down first."""
    _raise(ledger, 1)

    def away(*_: object) -> None:
        message = "no room on the disk"
        raise DatabaseError(message)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "command", away)
        with pytest.raises(DatabaseError):
            outbox.deliver()
    outbox.deliver()

    assert len(receiver.received) == 1
    assert _deliveries(ledger) == [("sent", 1)]


def test_deliveries_without_their_alert_wait_for_it(ledger: Ledger, outbox: Outbox, receiver: Receiver) -> None:
    """Killed between the two inserts, the alert is found again and then sent."""
    _raise(ledger, 1)
    ledger.command("TRUNCATE TABLE alerts_local")
    outbox.deliver()
    assert receiver.received == []

    _raise(ledger, 1)
    outbox.deliver()

    assert len(receiver.keys()) == 1


def test_muted_alerts_are_kept_and_not_sent(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """A mute covers what meets all of it, until it ends."""
    until = clock.now + timedelta(hours=1)
    mute = MuteDefinition(rule_id=None, service="openai", user_id="user-1", until=until)
    write_setting(ledger, SettingKind.MUTE, "m", mute)
    _raise(ledger, 1)
    raise_alerts(ledger, [Finding(an_alert(2, user_id="user-2"), ("hook",))])
    outbox.deliver()
    clock.advance(3601)
    _raise(ledger, 3)
    outbox.deliver()

    assert sorted(receiver.keys()) == sorted(str(an_alert(number).alert_id) for number in (2, 3))
    assert sorted(cast("list[tuple[str, int]]", _deliveries(ledger))) == [("muted", 0), ("sent", 1), ("sent", 1)]


def test_one_channel_knows_nothing_of_another(ledger: Ledger, outbox: Outbox, receiver: Receiver) -> None:
    """Each sends its own share."""
    raise_alerts(ledger, [Finding(an_alert(1), ("hook", "other")), Finding(an_alert(2), ("other",))])
    outbox.deliver()

    assert receiver.keys() == [str(an_alert(1).alert_id)]
    assert sorted(cast("list[tuple[str, int]]", _deliveries(ledger))) == [("pending", 0), ("pending", 0), ("sent", 1)]


@given(st.integers(1, 10_000))
def test_pauses_grow_up_to_an_hour(attempts: int) -> None:
    """Each pause is at least half of its bound, which doubles with every attempt."""
    bound = min(2 ** min(attempts - 1, 20), 3600)

    assert bound / 2 <= backoff_seconds(attempts) <= bound


def test_while_nothing_is_due_nothing_is_read(ledger: Ledger, outbox: Outbox, receiver: Receiver, clock: Clock) -> None:
    """A step asks for no delivery that it knows of, and sends what is due by its time alone."""
    receiver.answer = once(Answer(500))
    _raise(ledger, 1)
    outbox.deliver()
    outbox.deliver()
    with statements() as asked:
        assert outbox.deliver() == 0
    assert asked == []

    clock.advance(3600)

    assert outbox.deliver() == 1
    assert _deliveries(ledger) == [("sent", 2)]

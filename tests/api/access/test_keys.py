"""Keys: made, shown once, kept as digests, revoked everywhere, and gone when their time is over."""

from __future__ import annotations

import re
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from spanledger.exceptions import AuthenticationError, LedgerUnavailableError
from spanledger_api.access import Role, key_ring
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import NewKey, issue_key, read_keys, revoke_key
from tests.api.access.conftest import bearer
from tests.statements import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from spanledger_clickhouse.ledger import Ledger


def test_the_first_key_closes_the_door(guarded: TestClient) -> None:
    """From the first key on everything needs one, the maker of the next one included."""
    made = guarded.post("/api/keys", json={"name": "me", "role": "admin"})

    assert made.status_code == HTTPStatus.CREATED
    assert re.fullmatch(r"sl_[A-Za-z0-9_-]{43}", made.json()["key"])
    assert guarded.get("/api/analytics/cost/users").status_code == 401
    assert guarded.post("/api/keys", json={"name": "x", "role": "read"}).status_code == 401
    session = guarded.get("/api/session", headers=bearer(made.json()["key"])).json()
    assert session == {
        "authentication": "key",
        "role": "admin",
        "key_id": made.json()["key_id"],
        "name": "me",
        "scope": None,
    }


def test_the_first_key_must_open_the_door_again(guarded: TestClient) -> None:
    """Nobody locks themselves out: a first key of another role is refused."""
    assert guarded.post("/api/keys", json={"name": "x", "role": "ingest"}).status_code == 409
    assert guarded.get("/api/analytics/cost/users").status_code == 200


def test_nothing_that_is_kept_opens_anything(guarded: TestClient, ledger: Ledger) -> None:
    """Neither the ledger nor any later answer holds the key, and what they hold is no key."""
    key = guarded.post("/api/keys", json={"name": "me", "role": "admin"}).json()["key"]

    (kept,) = ledger.query("SELECT *, lower(hex(digest)) AS hexadecimal FROM access_keys_local")

    assert key not in str(kept)
    assert key not in guarded.get("/api/keys", headers=bearer(key)).text
    assert key not in guarded.get("/api/audit", headers=bearer(key)).text
    assert guarded.get("/api/keys", headers=bearer(str(kept["hexadecimal"]))).status_code == 401


def test_a_revoked_key_ends_at_once_and_for_good(guarded: TestClient, issue: Callable[..., str]) -> None:
    """After DELETE the key is 401, the list says when it ended, and a second DELETE changes nothing."""
    admin, key = issue(Role.ADMIN), issue(Role.READ)
    key_id = guarded.get("/api/session", headers=bearer(key)).json()["key_id"]

    revoked = guarded.delete(f"/api/keys/{key_id}", headers=bearer(admin))

    assert revoked.status_code == 200
    assert guarded.get("/api/session", headers=bearer(key)).status_code == 401
    again = guarded.delete(f"/api/keys/{key_id}", headers=bearer(admin))
    assert again.json()["revoked_at"] == revoked.json()["revoked_at"] is not None
    assert guarded.delete(f"/api/keys/{'0' * 16}", headers=bearer(admin)).status_code == 404


def test_other_replicas_learn_of_a_revocation(ledger: Ledger) -> None:
    """A second process over the same ledger refuses the key once it has read the keys again, by itself."""
    key, made = issue_key(ledger, NewKey(name="k", role=Role.READ), "test")
    ring = KeyRing(ledger)
    assert ring.find(key).role is Role.READ

    revoke_key(ledger, made.key_id)

    assert key_ring.REFRESH_SECONDS <= 2
    ring.refresh()
    with pytest.raises(AuthenticationError, match="revoked"):
        ring.find(key)


def test_keys_that_cannot_be_read_again_are_not_trusted(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read long ago opens nothing: the key may have been revoked since."""
    key, _ = issue_key(ledger, NewKey(name="k", role=Role.READ), "test")
    ring = KeyRing(ledger)
    monkeypatch.setattr(key_ring, "_STALE_SECONDS", -1.0)
    with pytest.raises(LedgerUnavailableError):
        ring.find(key)


def test_the_last_administrator_stays(guarded: TestClient, issue: Callable[..., str]) -> None:
    """The only valid key of role admin cannot be revoked; with a second one it can."""
    first = issue(Role.ADMIN)
    key_id = guarded.get("/api/session", headers=bearer(first)).json()["key_id"]
    assert guarded.delete(f"/api/keys/{key_id}", headers=bearer(first)).status_code == 409

    second = issue(Role.ADMIN)

    assert guarded.delete(f"/api/keys/{key_id}", headers=bearer(second)).status_code == 200
    assert guarded.get("/api/session", headers=bearer(first)).status_code == 401


def test_an_expired_key_opens_nothing(ledger: Ledger) -> None:
    """A key ends with its time, and expiry is kept to the microsecond."""
    key, made = issue_key(ledger, NewKey(name="k", role=Role.READ, lifetime=timedelta(hours=1)), "test")
    assert made.expires_at is not None
    assert abs(made.expires_at - made.created_at - timedelta(hours=1)) < timedelta(seconds=5)
    assert made.is_valid(made.expires_at - timedelta(microseconds=1))
    assert not made.is_valid(made.expires_at)
    short, _ = issue_key(ledger, NewKey(name="k", role=Role.READ, lifetime=timedelta(microseconds=1)), "test")
    ring = KeyRing(ledger)
    assert ring.find(key).name == "k"
    with pytest.raises(AuthenticationError, match="expired"):
        ring.find(short)


def test_a_use_is_noted(ledger: Ledger) -> None:
    """The list says when a key was last used; what was not used says nothing."""
    key, made = issue_key(ledger, NewKey(name="used", role=Role.READ), "test")
    issue_key(ledger, NewKey(name="unused", role=Role.READ), "test")
    ring = KeyRing(ledger)
    ring.find(key)
    ring.refresh()

    used, unused = read_keys(ledger)

    assert used.last_used_at is not None
    assert used.last_used_at >= made.created_at
    assert unused.last_used_at is None


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"name": "x", "role": "admin", "user_id": "u"}, "user_id"),
        ({"name": "x", "role": "ingest", "service": "s"}, "service"),
        ({"name": "x", "role": "read", "user_id": "u", "service": "s"}, "service"),
        ({"name": " ", "role": "read"}, "name"),
        ({"name": "x", "role": "root"}, "role"),
        ({"name": "x", "role": "read", "expires_in_seconds": 0}, "expires_in_seconds"),
        ({"name": "x", "role": "read", "key": "sl_mine"}, "key"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    guarded: TestClient, issue: Callable[..., str], asked: dict[str, object], parameter: str
) -> None:
    """The answer names the part that does not fit."""
    answer = guarded.post("/api/keys", json=asked, headers=bearer(issue(Role.ADMIN)))

    assert (answer.status_code, answer.json()["parameter"]) == (422, parameter)


def test_what_is_done_with_keys_is_logged(guarded: TestClient, issue: Callable[..., str]) -> None:
    """Making and revoking leave a line each, with who did it; the log comes in pages, the newest first."""
    admin = issue(Role.ADMIN)
    me = guarded.get("/api/session", headers=bearer(admin)).json()["key_id"]
    made = guarded.post("/api/keys", json={"name": "x", "role": "read"}, headers=bearer(admin)).json()["key_id"]
    guarded.delete(f"/api/keys/{made}", headers=bearer(admin))

    first = guarded.get("/api/audit", params={"limit": 1}, headers=bearer(admin))
    second = guarded.get(first.links["next"]["url"], headers=bearer(admin))
    lines = [*first.json(), *second.json()]

    assert [(line["actor"], line["action"], line["subject"]) for line in lines] == [
        (me, "key.revoked", made),
        (me, "key.created", made),
    ]
    chosen = guarded.get("/api/audit", params={"action": "key.created"}, headers=bearer(admin)).json()
    assert [line["detail"] for line in chosen] == [{"name": "x", "role": "read"}]


def test_keys_are_read_again_where_one_was_written(ledger: Ledger) -> None:
    """A refresh after which nobody wrote a key reads none, and keeps them fresh; one that is made then is known."""
    key, _ = issue_key(ledger, NewKey(name="k", role=Role.READ), "test")
    ring = KeyRing(ledger)
    with statements() as asked:
        ring.refresh()
    assert asked == []
    assert ring.find(key).name == "k"

    later, _ = issue_key(ledger, NewKey(name="later", role=Role.READ), "test")
    ring.refresh()

    assert ring.find(later).name == "later"

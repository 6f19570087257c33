"""API keys in the ledger: made, listed and revoked; the keys themselves are nowhere.

A key is 256 random bits. Nobody can try them all, so one round of SHA-256 keeps it safe at rest, and a check costs a
microsecond. A slow hash is for passwords, which people choose; here it would only let senders of wrong keys keep the
server busy.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from spanledger.exceptions import InvalidRequestError
from spanledger_api.access.principal import Authentication, Principal, Role, RowScope, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spanledger_clickhouse.ledger import Ledger

__all__ = [
    "KEY_TABLES",
    "PREFIX",
    "AccessKey",
    "NewKey",
    "digest_of",
    "find_key",
    "has_administrator",
    "issue_key",
    "note_uses",
    "read_keys",
    "revoke_key",
]

PREFIX: Final = "sl_"
"""What every key begins with, so that people and scanners of leaked secrets know one when they see it."""

_KEY_BYTES: Final = 32
_LONGEST: Final = 200

KEY_TABLES: Final = ("access_keys_local", "access_key_uses_local")
"""The tables that keys are read from."""

_READ: Final = """
SELECT
    key_id, lower(hex(digest)) AS digest, name, role, scope_kind, scope_value, created_at, created_by, expires_at,
    revoked_at, last_used_at
FROM access_keys
ORDER BY created_at, key_id
"""
_WRITE: Final = """
INSERT INTO access_keys_local
    (key_id, digest, name, role, scope_kind, scope_value, created_at, created_by, expires_at, version)
SELECT
    {key_id:String}, unhex({digest:String}), {name:String}, {role:String}, {scope_kind:String}, {scope_value:String},
    now64(6), {created_by:String}, fromUnixTimestamp64Micro({expires:Nullable(Int64)}, 'UTC'), 0
"""
_REVOKE: Final = """
INSERT INTO access_keys_local
    (key_id, digest, name, role, scope_kind, scope_value, created_at, created_by, expires_at, revoked_at, version)
SELECT
    key_id, digest, name, role, scope_kind, scope_value, created_at, created_by, expires_at, now64(6), 1
FROM access_keys
WHERE key_id = {key_id:String} AND isNull(revoked_at)
"""
_NOTE_USES: Final = """
INSERT INTO access_key_uses_local (key_id, last_used_at)
SELECT pair.1, fromUnixTimestamp64Micro(pair.2, 'UTC')
FROM (SELECT arrayJoin(arrayZip({key_ids:Array(String)}, {times:Array(Int64)})) AS pair)
"""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What the ledger knows of a key.

    Attributes:
        key_id: Its public name.
        digest: SHA-256 of the key, in hexadecimal.
        name: What people call it.
        role: What it may do.
        scope: The rows that it sees; None for all.
        created_at: When it was made.
        created_by: Who made it.
        expires_at: When it ends; None: never.
        revoked_at: When somebody ended it; None: nobody did.
        last_used_at: When it was last used, give or take a minute; None: never.
    """

    key_id: str
    digest: str
    name: str
    role: Role
    scope: RowScope | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def principal(self) -> Principal:
        """Whoever shows it."""
        return Principal(Authentication.KEY, self.role, self.key_id, self.name, self.scope)

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens anything at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What somebody asks of a key that is to be made.

    Attributes:
        name: What people call it.
        role: What it may do.
        scope: The rows that it sees; None for all. Only readers have one.
        lifetime: How long it is valid; None: until it is revoked.

    Raises:
        InvalidRequestError: The parts do not go together.
    """

    name: str
    role: Role
    scope: RowScope | None = None
    lifetime: timedelta | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > _LONGEST:
            message = f"a key needs a name of 1 to {_LONGEST} characters"
            raise InvalidRequestError(message, parameter="name")
        if self.lifetime is not None and self.lifetime <= timedelta(0):
            message = "a key must be valid for some time"
            raise InvalidRequestError(message, parameter="expires_in_seconds")
        if self.scope is None:
            return
        if self.role is not Role.READ:
            message = f"only a key of role read can be bound to some rows, not one of role {self.role}"
            raise InvalidRequestError(message, parameter=self.scope.kind.value)
        if not self.scope.value or len(self.scope.value) > _LONGEST:
            message = f"takes 1 to {_LONGEST} characters"
            raise InvalidRequestError(message, parameter=self.scope.kind.value)


def digest_of(key: str) -> str:
    """What the ledger keeps of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def issue_key(ledger: Ledger, asked: NewKey, created_by: str) -> tuple[str, AccessKey]:
    """Make a key.

    Args:
        ledger: Where it is to be known.
        asked: What it shall be.
        created_by: Who makes it.

    Returns:
        The key, which is shown now and never again, and what is kept of it.
    """
    key = PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    key_id = secrets.token_hex(8)
    expires = None if asked.lifetime is None else datetime.now(UTC) + asked.lifetime
    ledger.command(
        _WRITE,
        {
            "key_id": key_id,
            "digest": digest_of(key),
            "name": asked.name,
            "role": asked.role.value,
            "scope_kind": "" if asked.scope is None else asked.scope.kind.value,
            "scope_value": "" if asked.scope is None else asked.scope.value,
            "created_by": created_by,
            "expires": None if expires is None else int(expires.timestamp() * 1_000_000),
        },
    )
    made = find_key(ledger, key_id)
    assert made is not None  # noqa: S101 - it was just written
    return key, made


def read_keys(ledger: Ledger) -> list[AccessKey]:
    """Every key there is or was, the oldest first.

    Raises:
        ClickHouseError: The ledger does not answer, or has no keys because its schema is older.
    """
    return [_key(row) for row in ledger.query(_READ)]


def find_key(ledger: Ledger, key_id: str) -> AccessKey | None:
    """The key of this id; None if there is none."""
    return next((key for key in read_keys(ledger) if key.key_id == key_id), None)


def revoke_key(ledger: Ledger, key_id: str) -> AccessKey | None:
    """End a key for good; one that has ended stays as it is.

    Returns:
        What it is now; None if there is no such key.
    """
    ledger.command(_REVOKE, {"key_id": key_id})
    return find_key(ledger, key_id)


def note_uses(ledger: Ledger, uses: Mapping[str, datetime]) -> None:
    """Keep when keys were used, by their ids."""
    times = [int(at.timestamp() * 1_000_000) for at in uses.values()]
    ledger.command(_NOTE_USES, {"key_ids": list(uses), "times": times})


def has_administrator(keys: Iterable[AccessKey], now: datetime) -> bool:
    """Whether one of the keys is a valid one of role admin."""
    return any(key.role is Role.ADMIN and key.is_valid(now) for key in keys)


def _key(row: Mapping[str, object]) -> AccessKey:
    kind = str(row["scope_kind"])
    return AccessKey(
        key_id=str(row["key_id"]),
        digest=str(row["digest"]),
        name=str(row["name"]),
        role=Role(str(row["role"])),
        scope=RowScope(ScopeKind(kind), str(row["scope_value"])) if kind else None,
        created_at=cast("datetime", row["created_at"]),
        created_by=str(row["created_by"]),
        expires_at=cast("datetime | None", row["expires_at"]),
        revoked_at=cast("datetime | None", row["revoked_at"]),
        last_used_at=cast("datetime | None", row["last_used_at"]),
    )

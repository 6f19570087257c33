"""The keys in memory: a check asks no ledger, and a revocation is known within seconds, on every replica."""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from spanledger.exceptions import AuthenticationError, LedgerUnavailableError, MigrationError
from spanledger_api.access.keys import KEY_TABLES, AccessKey, digest_of, note_uses, read_keys
from spanledger_api.access.principal import Principal, Role
from spanledger_clickhouse.periodic import Periodic
from spanledger_clickhouse.table_writes import Kept, TableWrites

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["REFRESH_SECONDS", "KeyRing"]

REFRESH_SECONDS: Final = 2.0
"""How long a revocation may stay unknown to another process."""

_STALE_SECONDS: Final = 30.0
_NOTED_EVERY: Final = timedelta(minutes=1)
_UNKNOWN_TABLE: Final = 60


@dataclass(frozen=True, slots=True)
class _Snapshot:
    keys: Mapping[str, AccessKey] = field(default_factory=dict[str, AccessKey])
    read_at: float = 0.0


class KeyRing:
    """The keys of one ledger, and those that the environment brings.

    As a context manager it asks the ledger every two seconds, and reads the keys where any was written. Where that
    fails for half a minute no key is accepted: better no answer than one to a key that was revoked.

    Args:
        ledger: Where the keys are.
        own: Further keys that are in no ledger: whoever shows one, by the digest of the key.

    Raises:
        MigrationError: The ledger's schema is older than its keys.
    """

    def __init__(self, ledger: Ledger, own: Mapping[str, Principal] | None = None) -> None:
        self._ledger = ledger
        self._own = dict(own or {})
        self._keys = Kept(TableWrites(ledger), KEY_TABLES, lambda: {key.digest: key for key in read_keys(ledger)})
        self._snapshot = _Snapshot()
        self._uses: dict[str, datetime] = {}
        self._noted: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._refreshing = Periodic("keys", self.refresh, REFRESH_SECONDS)
        try:
            self.refresh()
        except ClickHouseError as error:
            if isinstance(error, DatabaseError) and error.code == _UNKNOWN_TABLE:
                message = "The ledger has no tables of keys; run `spanledger migrate` once."
                raise MigrationError(message) from error
            raise

    def __enter__(self) -> Self:
        self._refreshing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._refreshing.stop()

    @property
    def is_used(self) -> bool:
        """Whether there is or ever was a key: the last one's end opens nothing to everybody."""
        return bool(self._own or self._snapshot.keys)

    @property
    def has_own_administrator(self) -> bool:
        """Whether one of the keys that are in no ledger is of role admin."""
        return any(principal.role is Role.ADMIN for principal in self._own.values())

    def refresh(self) -> None:
        """Bring the keys up to date, and note which ones were used.

        Raises:
            ClickHouseError: The ledger does not answer.
        """
        read_at = time.monotonic()
        self._snapshot = _Snapshot(self._keys.value(), read_at)
        self._note_uses()

    def find(self, key: str) -> Principal:
        """Whoever shows a key; takes microseconds and asks nobody.

        Raises:
            AuthenticationError: There is no such key, or it has ended.
            LedgerUnavailableError: What is known of the keys is too old to go by.
        """
        digest = digest_of(key)
        own = self._own.get(digest)
        if own is not None:
            return own
        snapshot = self._snapshot
        if time.monotonic() - snapshot.read_at > _STALE_SECONDS:
            message = "The keys cannot be read from the ledger; try again."
            raise LedgerUnavailableError(message)
        known = snapshot.keys.get(digest)
        now = datetime.now(UTC)
        # Looking up a digest tells an attacker nothing that he can steer; the comparison costs nothing either.
        if known is None or not hmac.compare_digest(known.digest, digest) or not known.is_valid(now):
            message = "The key is not valid: there is no such key, or it has expired or was revoked."
            raise AuthenticationError(message)
        self._uses[known.key_id] = now
        return known.principal

    def _note_uses(self) -> None:
        with self._lock:
            due = {
                key_id: at
                for key_id, at in list(self._uses.items())
                if key_id not in self._noted or at - self._noted[key_id] >= _NOTED_EVERY
            }
            if due:
                note_uses(self._ledger, due)
                self._noted |= due

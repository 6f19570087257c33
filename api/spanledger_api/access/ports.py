"""The gate as the other ports ask it: OTLP, and ClickHouse's protocol. They take keys; tokens are for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from spanledger.exceptions import AuthenticationError, LedgerUnavailableError, PermissionDeniedError, RateLimitedError
from spanledger_api.access.gate import is_loopback_name
from spanledger_clickhouse.http_interface import Credentials, LoopbackAccess
from spanledger_clickhouse.http_interface import Role as Right

if TYPE_CHECKING:
    from spanledger_api.access.gate import Gate
    from spanledger_collector.admission import Sender

__all__ = ["ClickHouseKeys", "OtlpKeys"]

_OTLP: Final = "otlp"


class OtlpKeys:
    """Lets keys of role ingest and admin send, and those of role read and admin see the collector's counters.

    Args:
        gate: Knows the keys.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def require_sender(self, sender: Sender) -> None:
        """Let pass who may send spans.

        Raises:
            AuthenticationError: The key is missing or not valid.
            PermissionDeniedError: It is valid and may only read, or without keys the page of a site sent this.
            RateLimitedError: The address has shown too many wrong keys, or the key sends too often.
            LedgerUnavailableError: The keys cannot be read now.
        """
        self._refuse_pages(sender)
        principal = self._gate.identify(sender.key, sender.address, _OTLP, keys_only=True)
        if not principal.role.ingests:
            message = "This key may only read; a key of role ingest or admin may send."
            raise PermissionDeniedError(message)
        self._gate.pass_sender(principal, _OTLP)

    def require_reader(self, sender: Sender) -> None:
        """Let pass who may see the collector's counters; errors as of :meth:`require_sender`."""
        self._refuse_pages(sender)
        principal = self._gate.identify(sender.key, sender.address, _OTLP, keys_only=True)
        if not principal.role.reads or principal.scope is not None:
            message = "The counters take a key of role read or admin that is not bound to some rows."
            raise PermissionDeniedError(message)

    def _refuse_pages(self, sender: Sender) -> None:
        """Without keys a page that a browser on this machine shows must not be able to add spans."""
        if self._gate.is_closed:
            return
        if sender.origin is not None or not is_loopback_name(urlsplit(f"//{sender.host}").hostname or ""):
            message = "Without keys only programs on this machine may send, under its own name; use 127.0.0.1."
            raise PermissionDeniedError(message)


class ClickHouseKeys:
    """Lets keys of role read and admin read, and those of role ingest and admin insert spans.

    A key that is bound to some rows may do neither: an analyst's statement reaches every row of a table. While there
    are no keys, everybody on this machine may do both.

    Args:
        gate: Knows the keys.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._open = LoopbackAccess()

    def roles(self, credentials: Credentials) -> frozenset[Right]:
        """What the sender may do, by the key in place of a password; the user's name does not matter."""
        if not self._gate.is_closed:
            return self._open.roles(credentials)
        try:
            principal = self._gate.identify(credentials.key, credentials.address, "clickhouse", keys_only=True)
        except (AuthenticationError, LedgerUnavailableError, RateLimitedError):
            return frozenset()  # the protocol has one answer for all of these
        if principal.scope is not None:
            return frozenset()
        rights = {Right.READ: principal.role.reads, Right.INGEST: principal.role.ingests}
        return frozenset(right for right, granted in rights.items() if granted)

"""The one place that decides who a request is from, for every port."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Self

from prometheus_client import CollectorRegistry, Counter

from spanledger import environment
from spanledger.exceptions import AuthenticationError, ConfigurationError, RateLimitedError
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import digest_of
from spanledger_api.access.principal import EVERYBODY, Authentication, Principal, Role
from spanledger_api.access.request_limits import ASKED_PER_MINUTE, RequestLimits
from spanledger_api.access.sending_rate import SENT_PER_MINUTE, SendingRate
from spanledger_api.access.token_rules import rules_from_environment

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import TracebackType

    from spanledger_api.access.request_limits import Allowance
    from spanledger_api.access.tokens import Tokens
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["Gate", "is_loopback", "is_loopback_name", "open_gate"]

_SHORTEST_KEY: Final = 32
_NO_KEY: Final = "A key is needed: Authorization: Bearer <key>."


class Gate:
    """Who may pass: holders of keys and tokens, or everybody on this machine while there are neither.

    As a context manager it keeps its knowledge of the keys fresh.

    Args:
        keys: The keys.
        tokens: Checks tokens; None where no identity provider is set up.
        limits: How often somebody may ask.
        sending: How often somebody may send spans.

    Attributes:
        keys: The keys.
        registry: The gate's own counters.
    """

    def __init__(
        self,
        keys: KeyRing,
        tokens: Tokens | None = None,
        limits: RequestLimits | None = None,
        sending: SendingRate | None = None,
    ) -> None:
        self.keys = keys
        self._limits = limits or RequestLimits()
        self._sending = sending or SendingRate()
        self.registry = CollectorRegistry()
        self._tokens = tokens
        self._running = ExitStack()
        self._failures = Counter(
            "spanledger_authentication_failures",
            "Requests with a wrong key or token, or without one.",
            ("port",),
            registry=self.registry,
        )
        self._limited = Counter(
            "spanledger_requests_limited", "Requests refused because of their rate.", ("port",), registry=self.registry
        )

    def __enter__(self) -> Self:
        self._running.enter_context(self.keys)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def is_closed(self) -> bool:
        """Whether keys or tokens are asked for."""
        return self._tokens is not None or self.keys.is_used

    @property
    def has_other_administrators(self) -> bool:
        """Whether somebody could get in as administrator by other means than the keys in the ledger."""
        return self._tokens is not None or self.keys.has_own_administrator

    def takes_time(self, credential: str) -> bool:
        """Whether checking this may have to ask the identity provider."""
        return self._tokens is not None and _is_token(credential)

    def identify(self, credential: str, address: str, port: str, *, keys_only: bool = False) -> Principal:
        """Whoever shows a key or token; everybody while none is asked for.

        Args:
            credential: The key or token; empty where the request shows none.
            address: Where the request comes from.
            port: Which of the ports it came to, for the counters.
            keys_only: Whether tokens are not accepted there; then it takes microseconds.

        Raises:
            AuthenticationError: It is missing or not valid.
            PermissionDeniedError: A token is valid and grants nothing.
            RateLimitedError: The address has shown too many wrong ones.
            RetryableError: Whether it is valid cannot be found out now.
        """
        if not self.is_closed:
            return EVERYBODY
        try:
            return self._holder(credential, keys_only=keys_only)
        except AuthenticationError:
            self._failures.labels(port).inc()
            with self._counting(port):
                self._limits.note_failure(address)
            raise

    def pass_address(self, address: str, port: str) -> None:
        """Count a request of an address, once keys are asked for; raises as the limits do."""
        if self.is_closed:
            with self._counting(port):
                self._limits.pass_address(address)

    def pass_principal(self, principal: Principal, port: str) -> Allowance | None:
        """Count a request of somebody who is known, and tell what is left; None while no keys are asked for.

        Raises:
            RateLimitedError: They ask too often.
        """
        if not self.is_closed:
            return None
        with self._counting(port):
            return self._limits.pass_principal(principal)

    def pass_sender(self, principal: Principal, port: str) -> None:
        """Count a request that sends spans, once keys are asked for.

        Raises:
            RateLimitedError: Their key sends too often; what was sent is not kept and has to be sent again.
        """
        if self.is_closed:
            with self._counting(port):
                self._sending.take(str(principal.key_id))

    @contextmanager
    def _counting(self, port: str) -> Generator[None]:
        try:
            yield
        except RateLimitedError:
            self._limited.labels(port).inc()
            raise

    def _holder(self, credential: str, *, keys_only: bool) -> Principal:
        if not credential:
            raise AuthenticationError(_NO_KEY)
        if self._tokens is not None and not keys_only and _is_token(credential):
            return self._tokens.principal(credential)
        return self.keys.find(credential)

    def require_closed(self, host: str) -> None:
        """Make sure that other machines find a closed door.

        Args:
            host: The address that is to be listened on.

        Raises:
            ConfigurationError: Other machines could reach it, and nobody would ask them for a key.
        """
        if self.is_closed or is_loopback(host):
            return
        message = (
            f"Listening on {host} opens the ledger to other machines, and it has no keys. Make one with "
            f"`spanledger keys create --role admin --name NAME`, or start `spanledger up --create-admin-key`, or set "
            f"{environment.ADMIN_KEY} or {environment.OIDC}; or stay on this machine with --host 127.0.0.1."
        )
        raise ConfigurationError(message)


def open_gate(ledger: Ledger, variables: Mapping[str, str] = os.environ) -> Gate:
    """The gate of a ledger, as the environment sets it up.

    Raises:
        ConfigurationError: A variable cannot be used.
        MigrationError: The ledger's schema is older than its keys.
    """
    return Gate(
        KeyRing(ledger, _own_keys(variables)),
        _tokens(variables),
        RequestLimits(_per_minute(variables, environment.REQUESTS_PER_MINUTE, ASKED_PER_MINUTE)),
        SendingRate(_per_minute(variables, environment.OTLP_REQUESTS_PER_MINUTE, SENT_PER_MINUTE)),
    )


def _tokens(variables: Mapping[str, str]) -> Tokens | None:
    rules = rules_from_environment(variables)
    if rules is None:
        return None
    from spanledger_api.access.tokens import Tokens  # noqa: PLC0415 - its libraries are slow to load, and few need them

    return Tokens(rules)


def _per_minute(variables: Mapping[str, str], name: str, default: int) -> int:
    stated = variables.get(name) or str(default)
    if not stated.isdecimal() or not int(stated):
        message = f"{name} must be a whole number above 0, not {stated!r}."
        raise ConfigurationError(message)
    return int(stated)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on this address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_name(host: str) -> bool:
    """Whether a host name in a request can only mean this machine: a page of a site cannot give itself such a name."""
    return is_loopback(host) or host.endswith(".localhost") or not host


def _own_keys(variables: Mapping[str, str]) -> dict[str, Principal]:
    own: dict[str, Principal] = {}
    for variable, role in (
        (environment.ADMIN_KEY, Role.ADMIN),
        (environment.READ_KEY, Role.READ),
        (environment.INGEST_KEY, Role.INGEST),
    ):
        key = variables.get(variable)
        if not key:
            continue
        if len(key) < _SHORTEST_KEY:
            message = f"{variable} is shorter than {_SHORTEST_KEY} characters; take `openssl rand -hex 32`."
            raise ConfigurationError(message)
        own[digest_of(key)] = Principal(Authentication.KEY, role, f"environment-{role}", variable)
    return own


def _is_token(credential: str) -> bool:
    return credential.count(".") == 2  # noqa: PLR2004 - header, claims and signature have two dots between them

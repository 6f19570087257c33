"""Bearer tokens of an identity provider (OpenID Connect): who signed them, for whom, and what their claims allow."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import httpx
import jwt

from spanledger.exceptions import AuthenticationError, ConfigurationError, PermissionDeniedError, RetryableError
from spanledger_api.access.principal import Authentication, Principal, Role, RowScope, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_api.access.token_rules import Grant, TokenRules

__all__ = ["Tokens"]

# Only signatures by a private key: with a shared secret whoever can check a token can make one, and "none" signs
# nothing.
_ALGORITHMS: Final = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
_LONGEST: Final = 16_384
_TIMEOUT_SECONDS: Final = 5.0
_KEYS_LIFE_SECONDS: Final = 300.0
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Tokens:
    """Checks tokens of one issuer.

    Args:
        rules: Who issues them, for whom, and what they allow.
        pause: Seconds between two looks at the issuer's keys because of a key that is not among them, or because the
            issuer did not answer: what strangers send must not make this process call somebody at will.

    Raises:
        ConfigurationError: An address is not one of HTTPS; loopback may do without.
    """

    def __init__(self, rules: TokenRules, pause: float = 10.0) -> None:
        self._rules = rules
        self._pause = pause
        self._keys: jwt.PyJWKClient | None = None
        self._failed_at = float("-inf")
        self._lock = threading.Lock()
        for address in (rules.issuer, rules.jwks_url):
            _require_https(address)

    def principal(self, token: str) -> Principal:
        """Whoever shows a token.

        Raises:
            AuthenticationError: It is not a token of this issuer for this audience, or it has expired.
            PermissionDeniedError: It is, and its claims allow nothing here.
            RetryableError: The issuer's keys cannot be had now.
        """
        claims = self._claims(token)
        for grant in self._rules.grants:
            if grant.value in _texts(_claim(claims, self._rules.role_claim)):
                return self._granted(grant, claims)
        message = f"The token's claim {self._rules.role_claim!r} grants nothing here."
        raise PermissionDeniedError(message)

    def _granted(self, grant: Grant, claims: Mapping[str, object]) -> Principal:
        scope = None
        for kind, claim in ((ScopeKind.USER_ID, grant.user_id_claim), (ScopeKind.SERVICE, grant.service_claim)):
            if claim is None:
                continue
            value = _claim(claims, claim)
            if not isinstance(value, str) or not value:
                message = f"The token's claim {claim!r} does not say whose rows it is for."
                raise PermissionDeniedError(message)
            scope = RowScope(kind, value)
        name = _claim(claims, self._rules.name_claim)
        return Principal(
            Authentication.OIDC, Role(grant.role), str(claims["sub"]), name if isinstance(name, str) else None, scope
        )

    def _claims(self, token: str) -> Mapping[str, object]:
        if len(token) > _LONGEST:
            message = "The token is too long."
            raise AuthenticationError(message)
        try:
            key = self._signing_key(token)
            return cast(
                "Mapping[str, object]",
                jwt.decode(
                    token,
                    key,
                    algorithms=_ALGORITHMS,
                    audience=self._rules.audience,
                    issuer=self._rules.issuer,
                    leeway=self._rules.leeway_seconds,
                    options={"require": ["exp", "iss", "aud", "sub"]},
                ),
            )
        except jwt.PyJWTError as error:
            # The library's words name the claim or the algorithm, never the token.
            message = f"The token is not valid: {error}"
            raise AuthenticationError(message) from error

    def _signing_key(self, token: str) -> jwt.PyJWK:
        if jwt.get_unverified_header(token).get("alg") not in _ALGORITHMS:
            message = "The specified alg value is not allowed"
            raise jwt.InvalidAlgorithmError(message)
        with self._lock:
            if time.monotonic() - self._failed_at < self._pause:
                raise _unreachable()
            try:
                if self._keys is None:
                    self._keys = jwt.PyJWKClient(
                        self._rules.jwks_url or _discovered(self._rules.issuer),
                        lifespan=_KEYS_LIFE_SECONDS,
                        timeout=_TIMEOUT_SECONDS,
                        cooldown_duration=self._pause,
                    )
                return self._keys.get_signing_key_from_jwt(token)
            except (jwt.PyJWKClientConnectionError, httpx.HTTPError) as error:
                self._failed_at = time.monotonic()
                raise _unreachable() from error


def _discovered(issuer: str) -> str:
    """The address of the issuer's keys, as its discovery document says."""
    answer = httpx.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=_TIMEOUT_SECONDS)
    answer.raise_for_status()
    try:
        address = answer.json()["jwks_uri"]
    except (ValueError, KeyError, TypeError) as error:
        message = "The identity provider's discovery document names no keys."
        raise RetryableError(message) from error
    _require_https(str(address))
    return str(address)


def _unreachable() -> RetryableError:
    return RetryableError("The identity provider does not answer; try again.")


def _require_https(address: str | None) -> None:
    if address is None:
        return
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        message = f"The identity provider's address {address!r} is not one of https."
        raise ConfigurationError(message)


def _claim(claims: Mapping[str, object], name: str) -> object:
    """A claim by its name, or by a path of names with dots between them; None where it is absent."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = cast("Mapping[str, object]", found).get(part) if isinstance(found, dict) else None
    return found


def _texts(value: object) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value, *value.split()})
    if isinstance(value, list):
        return frozenset(each for each in cast("list[object]", value) if isinstance(each, str))
    return frozenset()

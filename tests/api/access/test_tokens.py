"""Tokens of an identity provider: only those it signed, for us, now, and only with what their claims allow."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.testclient import TestClient

from spanledger.exceptions import AuthenticationError, ConfigurationError, PermissionDeniedError, RetryableError
from spanledger_api.access import Authentication, Principal, Role, RowScope
from spanledger_api.access.gate import Gate
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.principal import ScopeKind
from spanledger_api.access.token_rules import Grant, TokenRules, rules_from_environment
from spanledger_api.access.tokens import Tokens
from spanledger_api.app import create_app
from tests.api.access.conftest import bearer
from tests.api.access.issuer import Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

_GRANTS = [
    Grant(value="ops", role="admin"),
    Grant(value="finance", role="read"),
    Grant(value="customer", role="read", user_id_claim="sub"),
    Grant(value="vendor", role="read", service_claim="vendor.service"),
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An identity provider."""
    with Issuer() as running:
        yield running


@pytest.fixture
def tokens(issuer: Issuer) -> Tokens:
    """What checks its tokens, knowing nothing of it yet."""
    return Tokens(TokenRules(issuer=issuer.url, audience="spanledger", grants=_GRANTS), pause=0)


def _part(claims: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("key", ["rsa", "curve"])
def test_a_token_is_somebody(issuer: Issuer, tokens: Tokens, key: str) -> None:
    """A good one, by either kind of key, says who it is and what they may do; its keys are asked for once."""
    before = issuer.fetched

    found = [tokens.principal(issuer.token(key)) for _ in range(3)]

    assert found == [Principal(Authentication.OIDC, Role.READ, "user-1", "Ada")] * 3
    assert issuer.fetched == before + 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"roles": ["x", "ops"]}, (Role.ADMIN, None)),
        ({"roles": "email finance"}, (Role.READ, None)),
        ({"roles": ["customer"]}, (Role.READ, RowScope(ScopeKind.USER_ID, "user-1"))),
        (
            {"roles": ["vendor"], "vendor": {"service": "openai"}},
            (Role.READ, RowScope(ScopeKind.SERVICE, "openai")),
        ),
        ({"roles": ["customer", "finance"]}, (Role.READ, None)),
    ],
)
def test_claims_decide(
    issuer: Issuer, tokens: Tokens, changed: dict[str, object], expected: tuple[Role, RowScope | None]
) -> None:
    """The first grant that fits gives the role and the rows."""
    principal = tokens.principal(issuer.token(**changed))

    assert (principal.role, principal.scope) == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"roles": []},
        {"roles": None},
        {"roles": ["Finance"]},
        {"roles": {"finance": True}},
        {"roles": ["vendor"]},
        {"roles": ["vendor"], "vendor": {"service": ""}},
        {"roles": ["vendor"], "vendor": {"service": ["openai", "s3"]}},
    ],
)
def test_claims_that_grant_nothing(issuer: Issuer, tokens: Tokens, changed: dict[str, object]) -> None:
    """A good token of somebody who has nothing to do here is refused, and so is one that does not say whose rows."""
    with pytest.raises(PermissionDeniedError):
        tokens.principal(issuer.token(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": None},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
    ],
)
def test_claims_that_are_not_for_us(issuer: Issuer, tokens: Tokens, changed: dict[str, object]) -> None:
    """Another audience or issuer, a time that is over or not yet come, and missing claims are all refused."""
    with pytest.raises(AuthenticationError):
        tokens.principal(issuer.token(**changed))


def test_clocks_may_differ_a_little(issuer: Issuer, tokens: Tokens) -> None:
    """A token that ended seconds ago is good within the leeway, and no longer."""
    now = int(time.time())
    assert tokens.principal(issuer.token(exp=now - 10)).key_id == "user-1"
    with pytest.raises(AuthenticationError):
        tokens.principal(issuer.token(exp=now - 60))


def test_signatures_that_are_none(issuer: Issuer, tokens: Tokens) -> None:
    """No algorithm, a shared secret made of the public key, another's key under a known name: none of them passes."""
    claims = issuer.claims(roles=["ops"])
    public = issuer.keys["rsa"][1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    good = issuer.token()
    with Issuer() as stranger:
        strange = jwt.encode(claims, stranger.keys["rsa"][1], "RS256", headers={"kid": "rsa"})
    forged = [
        f"{_part({'alg': 'none', 'kid': 'rsa'})}.{_part(claims)}.",
        f"{_part({'alg': 'NONE', 'kid': 'rsa'})}.{_part(claims)}.x",
        _signed_by_text(claims, public),
        strange,
        good[:-8] + "AAAAAAAA",
        ".".join((good.split(".")[0], _part(claims), good.split(".")[2])),
        jwt.encode(claims, issuer.keys["curve"][1], "ES256", headers={"kid": "rsa"}),
        jwt.encode(claims, issuer.keys["rsa"][1], "RS256"),
        "a.b.c",
        "..",
        f"{good}{'x' * 20_000}",
    ]
    for token in forged:
        with pytest.raises(AuthenticationError):
            tokens.principal(token)
    assert tokens.principal(good).role is Role.READ


def _signed_by_text(claims: dict[str, object], secret: bytes) -> str:
    """A token signed by HMAC with a public key's text as the secret, which the library itself refuses to make."""
    import hashlib  # noqa: PLC0415 - only this forger needs them
    import hmac  # noqa: PLC0415

    head = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'rsa'})}.{_part(claims)}"
    signature = base64.urlsafe_b64encode(hmac.new(secret, head.encode(), hashlib.sha256).digest()).rstrip(b"=")
    return f"{head}.{signature.decode()}"


def test_keys_that_change_are_found(tokens: Tokens) -> None:
    """A token by a key that is new is good at once; a key that is gone is no longer."""
    with Issuer() as issuer:
        mine = Tokens(TokenRules(issuer=issuer.url, audience="spanledger", grants=_GRANTS), pause=0)
        old = issuer.token()
        assert mine.principal(old).key_id == "user-1"
        del issuer.keys["rsa"]
        issuer.add_key("next", "RS256")
        assert mine.principal(issuer.token("next")).key_id == "user-1"
        with pytest.raises(AuthenticationError):
            mine.principal(old)
    del tokens


def test_strangers_do_not_make_us_ask(issuer: Issuer) -> None:
    """Tokens by keys that nobody knows make the provider's keys be asked for once in a while, not once each."""
    patient = Tokens(TokenRules(issuer=issuer.url, audience="spanledger", grants=_GRANTS), pause=60)
    claims = issuer.claims()
    before = issuer.fetched

    for number in range(20):
        with pytest.raises(AuthenticationError):
            patient.principal(jwt.encode(claims, issuer.keys["rsa"][1], "RS256", headers={"kid": f"k{number}"}))

    assert issuer.fetched - before <= 2


def test_a_provider_that_is_away_is_said(issuer: Issuer) -> None:
    """While its keys cannot be had a token is neither good nor bad: the sender may try again."""
    token = issuer.token()
    away = Tokens(TokenRules(issuer=issuer.url, audience="spanledger", grants=_GRANTS, jwks_url="http://127.0.0.1:9/"))
    for _ in range(2):
        with pytest.raises(RetryableError, match="does not answer"):
            away.principal(token)


def test_tokens_open_the_api(issuer: Issuer, tokens: Tokens, ledger: Ledger) -> None:
    """With a provider set up everything needs a token or key; whoever shows a token is who it says."""
    client = TestClient(create_app(ledger, gate=Gate(KeyRing(ledger), tokens)), raise_server_exceptions=False)

    assert client.get("/api/session").status_code == 401
    assert client.get("/api/session", headers=bearer(issuer.token(roles=["customer"]))).json() == {
        "authentication": "oidc",
        "role": "read",
        "key_id": "user-1",
        "name": "Ada",
        "scope": {"user_id": "user-1", "service": None},
    }
    assert client.get("/api/keys", headers=bearer(issuer.token())).status_code == 403
    assert client.get("/api/session", headers=bearer(issuer.token(roles=[]))).status_code == 403
    expired = client.get("/api/session", headers=bearer(issuer.token(exp=1)))
    assert (expired.status_code, expired.headers["content-type"]) == (401, "application/problem+json")


def test_the_file_of_rules(tmp_path: Path) -> None:
    """A TOML file says whose tokens are accepted; what it cannot mean is refused with its name."""
    path = tmp_path / "oidc.toml"
    path.write_text(
        'issuer = "https://id.example"\naudience = "spanledger"\nrole_claim = "realm_access.roles"\n'
        '[[grants]]\nvalue = "customer"\nrole = "read"\nuser_id_claim = "sub"\n'
    )
    rules = rules_from_environment({"SPANLEDGER_OIDC": str(path)})
    assert rules is not None
    assert (rules.role_claim, rules.leeway_seconds, rules.grants[0].user_id_claim) == ("realm_access.roles", 30, "sub")
    assert rules_from_environment({}) is None
    for wrong in (
        'issuer = "https://id.example"',
        'issuer = "https://x"\naudience = "y"\n[[grants]]\nvalue = "v"\nrole = "root"\n',
        'issuer = "https://x"\naudience = "y"\n[[grants]]\nvalue = "v"\nrole = "admin"\nuser_id_claim = "sub"\n',
        'issuer = "https://x"\naudience = "y"\ntypo = 1\n[[grants]]\nvalue = "v"\nrole = "read"\n',
        "not toml",
    ):
        path.write_text(wrong)
        with pytest.raises(ConfigurationError, match=r"oidc\.toml"):
            rules_from_environment({"SPANLEDGER_OIDC": str(path)})


def test_a_provider_is_asked_over_tls_only() -> None:
    """Keys that come over a plain connection could be anybody's; loopback may do without."""
    with pytest.raises(ConfigurationError, match="https"):
        Tokens(TokenRules(issuer="http://id.example", audience="a", grants=_GRANTS))

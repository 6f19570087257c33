"""An identity provider on loopback: it publishes its keys, signs what it is told, and can change its keys."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Issuer"]

_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Issuer:
    """A provider with a key of RSA and one of elliptic curves.

    Attributes:
        url: What its tokens' ``iss`` says.
        fetched: How often its keys were asked for.
    """

    def __init__(self) -> None:
        self.fetched = 0
        self.keys: dict[str, tuple[str, _PrivateKey]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.add_key("rsa", "RS256")
        self.add_key("curve", "ES256")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_key(self, name: str, algorithm: str) -> None:
        """Sign with one more key from now on."""
        key: _PrivateKey = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if algorithm.startswith("RS")
            else ec.generate_private_key(ec.SECP256R1())
        )
        self.keys[name] = (algorithm, key)

    def claims(self, **changed: object) -> dict[str, object]:
        """The claims of a good token, with some of them changed; None leaves one out."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self.url,
            "aud": "spanledger",
            "sub": "user-1",
            "iat": now,
            "exp": now + 300,
            "name": "Ada",
            "roles": ["finance"],
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, name: str = "rsa", /, **changed: object) -> str:
        """A signed token; changes as of :meth:`claims`."""
        algorithm, key = self.keys[name]
        return jwt.encode(self.claims(**changed), key, algorithm, headers={"kid": name})

    def published(self) -> dict[str, Any]:
        """The public keys as the provider shows them."""
        shown: list[dict[str, Any]] = []
        for name, (algorithm, key) in self.keys.items():
            document = (
                RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
                if isinstance(key, rsa.RSAPrivateKey)
                else ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
            )
            shown.append({**document, "kid": name, "alg": algorithm, "use": "sig"})
        return {"keys": shown}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    body: dict[str, Any] = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
                else:
                    issuer.fetched += 1
                    body = issuer.published()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                del format, args

        return Handler

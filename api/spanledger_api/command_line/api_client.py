"""Asking the running API: one request, its answer or an error that says the next step."""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from spanledger import environment
from spanledger.exceptions import ConfigurationError, InvalidRequestError, LedgerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer", "get", "send"]

_TIMEOUT_SECONDS = 60
_NOT_AUTHENTICATED = 401
_NOT_NOW = {408, 429}
_SERVER_ERROR = 500
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered.

    Attributes:
        text: The body.
        headers: The response headers.
    """

    text: str
    headers: Mapping[str, str]

    def document(self) -> dict[str, object]:
        """The body as a JSON object, numbers exact."""
        return cast("dict[str, object]", json.loads(self.text, parse_float=Decimal))

    def rows(self) -> list[dict[str, object]]:
        """The body as a JSON list of objects, numbers exact."""
        return cast("list[dict[str, object]]", json.loads(self.text, parse_float=Decimal))


def get(base: str, path: str, query: Mapping[str, str | None], *, key: str | None = None) -> Answer:
    """One GET of the API, in the language of ``SPANLEDGER_LOCALE`` if that is set.

    Args:
        base: Address of the API, without a slash at its end.
        path: Path below it.
        query: Parameters; those that are None are left out.
        key: The key to show; None takes ``SPANLEDGER_API_KEY``.

    Raises:
        ConfigurationError: The address is not one of HTTP.
        InvalidRequestError: The API refuses a parameter, or knows nothing of what was asked for.
        LedgerUnavailableError: Nothing answers there, or what answers cannot answer now.
    """
    return send("GET", base, path, query, key=key)


def send(  # noqa: PLR0913 - a request and whose it is
    method: str,
    base: str,
    path: str,
    query: Mapping[str, str | None] | None = None,
    body: Mapping[str, object] | None = None,
    *,
    key: str | None = None,
) -> Answer:
    """One request of the API.

    Args:
        method: HTTP method.
        base: Address of the API, without a slash at its end.
        path: Path below it.
        query: Parameters; those that are None are left out.
        body: What to send as JSON; None for nothing.
        key: The key to show; None takes ``SPANLEDGER_API_KEY``.

    Raises:
        ConfigurationError: The address is not one of HTTP.
        InvalidRequestError: The API refuses a parameter, or knows nothing of what was asked for.
        LedgerUnavailableError: Nothing answers there, or what answers cannot answer now.
    """
    if urlsplit(base).scheme not in {"http", "https"}:
        message = f"The API's address {base!r} is not one; write http://host:port."
        raise ConfigurationError(message)
    words = urlencode({name: value for name, value in (query or {}).items() if value is not None})
    request = Request(f"{base}{path}?{words}" if words else base + path, method=method)  # noqa: S310 - checked above
    if locale := os.environ.get(environment.LOCALE):
        request.add_header("Accept-Language", locale)
    if shown := key or os.environ.get(environment.API_KEY):
        # Where the API would redirect to, the key has nothing to do.
        request.add_unredirected_header("Authorization", f"Bearer {shown}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    # A proxy that the environment names cannot reach this machine's own loopback.
    opener = build_opener(ProxyHandler({})) if urlsplit(base).hostname in _LOOPBACK else build_opener()
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            return Answer(response.read().decode(), response.headers)
    except HTTPError as error:
        with error:
            raise _refusal(error.code, error.read()) from error
    except (URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        message = f"No API answers at {base} ({reason}); is `spanledger up` running? --api states another address."
        raise LedgerUnavailableError(message) from error


def _refusal(status: int, body: bytes) -> InvalidRequestError | LedgerUnavailableError:
    try:
        detail = str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"status {status} without a reason; is it the address of a Spanledger API?"
    if status == _NOT_AUTHENTICATED:
        return InvalidRequestError(f"The API refuses: {detail} Put yours into {environment.API_KEY}.")
    if status in _NOT_NOW:
        return LedgerUnavailableError(f"The API does not answer that now: {detail}")
    if status >= _SERVER_ERROR:
        return LedgerUnavailableError(f"The API failed: {detail}")
    return InvalidRequestError(f"The API refuses: {detail}")

"""One POST to an address of the operator's, and what its answer means."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from spanledger.exceptions import ConfigurationError, DeliveryFailedError, DeliveryRefusedError
from spanledger.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HttpPost"]

_ANSWER_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 5.0
_SHOWN_BYTES: Final = 300
_RETRYABLE: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_LONGEST_WAIT_SECONDS: Final = 3600.0


class HttpPost:
    """Sends bodies to one address. Redirects are not followed: a secret address must not travel to another host.

    Args:
        url: The address; it may be a secret, so it is in no message.

    Raises:
        ConfigurationError: It is no address of HTTP.
    """

    def __init__(self, url: str) -> None:
        import httpx  # noqa: PLC0415 - slow to load, and most ledgers tell nobody

        message = "the address must be http:// or https:// with a host"
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ConfigurationError(message) from error
        if address.scheme not in {"http", "https"} or not address.host:
            raise ConfigurationError(message)
        self._url = address
        self._client = httpx.Client(
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS), follow_redirects=False
        )

    def send(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send one JSON body.

        Raises:
            DeliveryRefusedError: The answer is a redirect or speaks against the request itself.
            DeliveryFailedError: No answer came in time, or one that asks to come back.
        """
        import httpx  # noqa: PLC0415 - loaded by now

        stated = {"Content-Type": "application/json", "User-Agent": f"spanledger/{__version__}", **headers}
        try:
            with self._client.stream("POST", self._url, content=body, headers=stated) as answer:
                # A short answer is read to its end, so that the connection can be used again.
                said = next(answer.iter_bytes(_SHOWN_BYTES), b"").decode(errors="replace").strip()
                if answer.is_success:
                    return
                status = answer.status_code
                retry_after = answer.headers.get("Retry-After")
        except httpx.HTTPError as error:
            message = f"{self._url.host} did not answer: {type(error).__name__}"
            raise DeliveryFailedError(message) from error
        raise _refusal(self._url.host, status, said, retry_after)


def _refusal(host: str, status: int, said: str, retry_after: str | None) -> DeliveryRefusedError | DeliveryFailedError:
    message = f"{host} answered {status}" + (f": {said}" if said else "")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRYABLE:
        return DeliveryFailedError(message, retry_after=_seconds(retry_after))
    if status < HTTPStatus.BAD_REQUEST:
        message += "; redirects are not followed, so state the address that it leads to"
    return DeliveryRefusedError(message)


def _seconds(stated: str | None) -> float | None:
    """How long ``Retry-After`` asks to wait, an hour at most; None if it says nothing that can be read."""
    if stated is None:
        return None
    if stated.strip().isdecimal():
        return min(float(stated), _LONGEST_WAIT_SECONDS)
    try:
        moment = parsedate_to_datetime(stated)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - datetime.now(UTC)).total_seconds()), _LONGEST_WAIT_SECONDS)

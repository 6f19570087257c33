"""Who may send: the one question that the receivers ask before they read a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Admission", "Sender", "bearer_key"]

_BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Sender:
    """What a request says about who sends it.

    Attributes:
        key: The key of its ``Authorization: Bearer``; empty without.
        address: Where it comes from.
        host: Host that it believes to speak to, as the header says; empty over gRPC.
        origin: Origin of the web page that sent it; None where none did.
    """

    key: str = field(repr=False)
    address: str
    host: str = ""
    origin: str | None = None

    @classmethod
    def of_http(cls, headers: Mapping[bytes, bytes], address: str) -> Self:
        """The sender of an HTTP request, by its headers in lower case."""
        origin = headers.get(b"origin")
        return cls(
            bearer_key(headers.get(b"authorization", b"").decode("latin-1")),
            address,
            headers.get(b"host", b"").decode("latin-1"),
            None if origin is None else origin.decode("latin-1"),
        )


class Admission(Protocol):
    """Decides who may do what; asked once a request, and answers in microseconds."""

    def require_sender(self, sender: Sender) -> None:
        """Let pass who may send spans.

        Raises:
            AuthenticationError: Nobody knows who it is.
            PermissionDeniedError: It is known and may not send.
            RateLimitedError: It has shown too many wrong keys, or sends too often.
            RetryableError: Whether it may cannot be found out now.
        """
        ...

    def require_reader(self, sender: Sender) -> None:
        """Let pass who may see the collector's counters; errors as of :meth:`require_sender`."""
        ...


def bearer_key(authorization: str) -> str:
    """The key in an authorization header; empty where it has none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == _BEARER else ""

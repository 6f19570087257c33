"""Who may do what: the one question that the interface asks before it reads a statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

__all__ = ["Access", "Credentials", "LoopbackAccess", "Role"]


class Role(Enum):
    """One thing that a client may do."""

    READ = "read"
    """Run analysts' statements."""
    INGEST = "ingest"
    """Insert spans."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says about its sender.

    Attributes:
        user: Name of the user; ``default`` where the request has none.
        key: Password or API key; empty where the request has none.
        host: Host that the client believes it speaks to, without the port; empty where the request does not say.
        from_page: Whether a web page of another origin sent it.
        address: Where it comes from; empty where that is not known.
    """

    user: str = "default"
    key: str = field(default="", repr=False)
    host: str = ""
    from_page: bool = False
    address: str = ""


class Access(Protocol):
    """Decides by the credentials alone; asked once a request, in the thread of the event loop."""

    def roles(self, credentials: Credentials) -> frozenset[Role]:
        """What the sender may do; nothing if the credentials are not known."""
        ...


_EVERYTHING: Final = frozenset(Role)
_LOOPBACK_HOSTS: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})


class LoopbackAccess:
    """For an interface that only this machine can reach: user ``default`` without a key may read and insert.

    A browser on this machine runs other people's pages, and those can reach loopback too, so what comes from a page or
    asks for a foreign host name is refused.
    """

    def roles(self, credentials: Credentials) -> frozenset[Role]:
        """Everything for ``default`` without a key, nothing for others."""
        if credentials.from_page or credentials.host not in _LOOPBACK_HOSTS:
            return frozenset()
        return _EVERYTHING if credentials.user == "default" and not credentials.key else frozenset()

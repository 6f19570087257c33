"""Who asks: how they proved it, what they may do, and which rows are theirs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["COMMAND_LINE", "EVERYBODY", "Authentication", "Principal", "Role", "RowScope", "ScopeKind"]


class Authentication(StrEnum):
    """How somebody proved who they are."""

    NONE = "none"
    """Not at all: no keys are set up, and only this machine can ask."""
    KEY = "key"
    OIDC = "oidc"


class Role(StrEnum):
    """What somebody may do."""

    INGEST = "ingest"
    """Send spans, and nothing else."""
    READ = "read"
    """Ask for reports."""
    ADMIN = "admin"
    """Everything: send, ask, and change what others see."""

    @property
    def reads(self) -> bool:
        """Whether this role may ask for reports."""
        return self is not Role.INGEST

    @property
    def ingests(self) -> bool:
        """Whether this role may send spans."""
        return self is not Role.READ


class ScopeKind(StrEnum):
    """What rows may be bound to."""

    USER_ID = "user_id"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class RowScope:
    """The rows that somebody sees: those with this value, and no others.

    Attributes:
        kind: What the rows are chosen by.
        value: The value that they have; never empty.
    """

    kind: ScopeKind
    value: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks.

    Attributes:
        authentication: How they proved who they are.
        role: What they may do.
        key_id: Their key, or the subject of their token; None without either.
        name: What people call them; None without.
        scope: The rows that they see; None for all of them.
    """

    authentication: Authentication
    role: Role
    key_id: str | None = None
    name: str | None = None
    scope: RowScope | None = None


EVERYBODY: Final = Principal(Authentication.NONE, Role.ADMIN)
"""Whoever asks where no keys are set up."""

COMMAND_LINE: Final = "cli"
"""In place of a key's id where somebody works on the ledger itself."""

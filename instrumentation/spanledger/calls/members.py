"""Reading an answer that is a client's object or its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

__all__ = ["member", "member_text"]


def member(value: object, name: str) -> object:
    """A member of an object or of a mapping; None where there is none."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(name)
    return getattr(value, name, None)


def member_text(value: object, name: str) -> str | None:
    """A member that is a text; None where it is none, or empty."""
    found = member(value, name)
    return found or None if isinstance(found, str) else None

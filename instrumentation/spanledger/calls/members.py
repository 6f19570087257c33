"""Reading an answer that is a client's object or its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["member", "member_text"]


def member(value: Any, name: str) -> object:  # noqa: ANN401 - whatever a client answers with
    """A member of an object or of a mapping; None where there is none."""
    if isinstance(value, dict | Mapping):
        return cast("Mapping[str, object]", value).get(name)
    # The clients' objects keep their fields, and what they do not know, in dictionaries. Asked for a member they do
    # not have, they take longer to say so than everything else here.
    for fields in (getattr(value, "__dict__", None), getattr(value, "__pydantic_extra__", None)):
        if isinstance(fields, dict) and name in fields:
            return cast("dict[str, object]", fields)[name]
    return None if hasattr(value, "__pydantic_extra__") else getattr(value, name, None)


def member_text(value: object, name: str) -> str | None:
    """A member that is a text; None where it is none, or empty."""
    found = member(value, name)
    return found or None if isinstance(found, str) else None

"""Secrets that a file only refers to: ``env:NAME`` or ``file:/path``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from spanledger.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_reference", "resolve"]


def is_reference(text: str) -> bool:
    """Whether a text refers to a secret instead of being one."""
    return text.startswith(("env:", "file:"))


def resolve(text: str, variables: Mapping[str, str] = os.environ) -> str:
    """What a reference refers to, without blanks around it; any other text as it is.

    Args:
        text: ``env:NAME``, ``file:/path`` or a text.
        variables: Where variables are looked up.

    Raises:
        ConfigurationError: The variable is not set, or the file cannot be read or is empty; never with the secret.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "env":
        found = variables.get(rest, "")
        complaint = f"the variable {rest} is not set"
    elif scheme == "file":
        try:
            found = Path(rest).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"{rest} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}"
            raise ConfigurationError(message) from error
        complaint = f"{rest} is empty"
    else:
        return text
    if not found.strip():
        raise ConfigurationError(complaint)
    return found.strip()

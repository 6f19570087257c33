"""Texts and settings as they stand in a statement, where they cannot be bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["settings_text", "text_literal"]


def text_literal(text: str) -> str:
    """SQL of a text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def settings_text(settings: Mapping[str, str]) -> str:
    """The words after ``SETTINGS`` or ``SET``; every name is one that the engine knows."""
    return ", ".join(f"{name} = {text_literal(value)}" for name, value in settings.items())

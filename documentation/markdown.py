"""Tables of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["GENERATED", "code", "table"]

GENERATED = "<!-- Written by `make reference`: change what it is written from. -->"
"""Stands at the top of each page that is written here."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; line breaks within a cell become spaces, and bars are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def code(text: str) -> str:
    """Text as code; nothing stays nothing."""
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

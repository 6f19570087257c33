"""Pages on names that are module constants with a docstring after each: span attributes and settings."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from documentation.markdown import GENERATED, code, table
from spanledger import attributes, environment

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Constant", "attributes_page", "constants_of", "settings_page"]


@dataclass(frozen=True, slots=True)
class Constant:
    """One declared name.

    Attributes:
        name: The constant's own name.
        value: Its text.
        meaning: The docstring after it; constants that follow each other share the one after the last.
    """

    name: str
    value: str
    meaning: str


def attributes_page() -> str:
    """The span attributes."""
    return _page(
        "Span attributes",
        "What a span may carry, and what the ledger makes of it. In Python the names are constants of "
        "`spanledger.attributes`.",
        attributes,
        "attribute",
    )


def settings_page() -> str:
    """The environment variables."""
    return _page(
        "Settings",
        "A flag of a command comes before the environment variable, and that before the default. Variables of "
        "OpenTelemetry (`OTEL_*`) keep the meaning that their specification gives them.",
        environment,
        "variable",
    )


def _page(title: str, introduction: str, module: ModuleType, kind: str) -> str:
    rows = [(code(constant.value), constant.meaning) for constant in constants_of(module)]
    return f"{GENERATED}\n# {title}\n\n{introduction}\n\n{table((kind, 'meaning'), rows)}\n"


def constants_of(module: ModuleType) -> list[Constant]:
    """The text constants of a module in their order, with what is said of them."""
    found: list[Constant] = []
    without_meaning: list[tuple[str, str]] = []
    for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() as value)):
                without_meaning.append((name, value))
            case ast.Expr(value=ast.Constant(value=str() as meaning)):
                found += [Constant(name, value, _plain(meaning)) for name, value in without_meaning]
                without_meaning = []
            case _:
                pass
    return found


def _plain(docstring: str) -> str:
    return docstring.replace(":class:", "").replace(":func:", "").replace("``", "`")

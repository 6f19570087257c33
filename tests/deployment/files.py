"""The files of a deployment in containers, as Docker reads them."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml  # type: ignore[import-untyped]  # no stubs are installed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "COMPOSE",
    "DOCKERFILES",
    "ROOT",
    "Service",
    "copied",
    "exec_form",
    "filled",
    "instructions",
    "is_sent",
    "services",
]

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILES = ["Dockerfile", "collector/Dockerfile"]

Service: TypeAlias = dict[str, Any]
"""One service of the composition, with what it shares with others in its place."""


def services() -> dict[str, Service]:
    """Every service by its name."""
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    found: dict[str, Service] = read["services"]
    return found


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text of the composition with its variables in their place.

    Raises:
        KeyError: A variable that must be set is not.
    """

    def value(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        return values[name] if name in values or default is None else default

    return re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", value, text)


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile with their arguments, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / dockerfile).read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def copied(dockerfile: str) -> list[str]:
    """The sources that a Dockerfile copies from the repository."""
    return [
        source
        for word, rest in instructions(dockerfile)
        if word == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    ]


def is_sent(path: str) -> bool:
    """Whether a file reaches the builder: the last line of .dockerignore for it or what it lies in decides."""
    parts = Path(path).parts
    candidates = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").rstrip("/")
        if not pattern or pattern.startswith("#"):
            continue
        if any(_matches(candidate, pattern) for candidate in candidates):
            sent = line.startswith("!")
    return sent


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatchcase(Path(path).name, pattern[3:])
    return len(Path(path).parts) == len(Path(pattern).parts) and fnmatchcase(path, pattern)


def exec_form(text: str) -> list[str]:
    """The words of an instruction in its exec form."""
    words: list[str] = json.loads(text)
    return words

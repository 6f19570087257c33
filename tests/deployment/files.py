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
    "CLUSTER",
    "COMPOSE",
    "DOCKERFILES",
    "ROOT",
    "SERVER",
    "Service",
    "configs",
    "copied",
    "exec_form",
    "filled",
    "instructions",
    "is_sent",
    "services",
]

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SERVER = ROOT / "clickhouse" / "server"
"""The files of ClickHouse's servers and Keepers."""
DOCKERFILES = ["Dockerfile", "collector/Dockerfile"]
CLUSTER = {"COMPOSE_PROFILES": "cluster", "SPANLEDGER_CLUSTER": "ledger"}
"""What makes a cluster of the composition, in `.env` or in the environment."""

Service: TypeAlias = dict[str, Any]
"""One service of the composition, with what it shares with others in its place."""


def _composition() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return read


def services() -> dict[str, Service]:
    """Every service by its name, those of a profile too."""
    found: dict[str, Service] = _composition()["services"]
    return found


def configs(service: Service, values: Mapping[str, str]) -> dict[str, Path]:
    """The file behind each path at which a service finds a configuration, with the variables in their place."""
    named = _composition()["configs"]
    return {each["target"]: ROOT / filled(named[each["source"]]["file"], values) for each in service.get("configs", [])}


_OPERATORS = re.compile(r"(\w+)(?:(:[-+?])(.*))?", re.DOTALL)


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text of the composition with its variables in their place; one variable may stand inside another.

    Raises:
        KeyError: A variable that must be set is not.
    """
    before, opened, rest = text.partition("${")
    if not opened:
        return text
    end = _closing_brace(rest)
    found = _OPERATORS.fullmatch(rest[:end])
    assert found, f"not a variable: {rest[:end]}"
    return before + _value(found[1], found[2], found[3], values) + filled(rest[end + 1 :], values)


def _closing_brace(text: str) -> int:
    depth = 1
    for found in re.finditer(r"\$\{|\}", text):
        depth += 1 if found[0] == "${" else -1
        if not depth:
            return found.start()
    message = f"a variable has no end: {text}"
    raise AssertionError(message)


def _value(name: str, operator: str | None, word: str, values: Mapping[str, str]) -> str:
    """As Compose does it: what is empty is not set, and the word is looked into only where it is taken."""
    value = values.get(name, "")
    if operator == ":+":
        return filled(word, values) if value else ""
    if operator == ":-":
        return value or filled(word, values)
    if not value:
        raise KeyError(name)
    return value


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

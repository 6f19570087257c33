"""The committed files of Grafana, and the parts of them that ask for data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml  # type: ignore[import-untyped]  # no stubs are installed

if TYPE_CHECKING:
    from tests.grafana.infinity_plugin import Model

__all__ = ["BOARDS", "GRAFANA", "Panel", "board", "panels", "rules", "unchosen", "variables"]

GRAFANA = Path(__file__).parents[2] / "grafana"
BOARDS = sorted(str(path.relative_to(GRAFANA / "dashboards")) for path in (GRAFANA / "dashboards").rglob("*.json"))
"""Every board by the path of its file."""


@dataclass(frozen=True)
class Panel:
    """One panel of one board, and what it asks."""

    board: str
    title: str
    target: Model

    def __str__(self) -> str:
        """The panel's name in the list of tests."""
        return f"{self.board.removesuffix('.json')}: {self.title}"


def board(name: str) -> Model:
    """A board as Grafana reads it."""
    read: Model = json.loads((GRAFANA / "dashboards" / name).read_text())
    return read


def panels(folder: str) -> list[Panel]:
    """Every target of every panel below a folder."""
    return [
        Panel(name, panel["title"], target)
        for name in BOARDS
        if name.startswith(folder)
        for panel in board(name)["panels"]
        for target in panel["targets"]
    ]


def variables(folder: str) -> list[tuple[str, Model]]:
    """Every variable below a folder that asks for its values, with its board."""
    return [
        (name, variable)
        for name in BOARDS
        if name.startswith(folder)
        for variable in board(name)["templating"]["list"]
        if variable["type"] == "query"
    ]


def unchosen(name: str) -> dict[str, str]:
    """What each variable of a board says before a reader chooses."""
    return {
        each["name"]: each["allValue"] if each.get("includeAll") else each["current"]["value"]
        for each in board(name)["templating"]["list"]
    }


def rules() -> list[Model]:
    """The alert rules as Grafana reads them."""
    read: Model = yaml.safe_load((GRAFANA / "provisioning" / "alerting" / "spanledger.yaml").read_text())
    (group,) = read["groups"]
    found: list[Model] = group["rules"]
    return found

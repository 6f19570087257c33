"""Boards are what Grafana's own schema says a board is: its compiler reads them as values of its types."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.clients.environments import Environments
from tests.grafana.files import BOARDS, board

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.grafana.infinity_plugin import Model

_COMPILE_SECONDS: Final = 120
_OPTIONS: Final = {
    "stat": ("stat", "StatPanelCfg"),
    "table": ("table", "TablePanelCfg"),
    "timeseries": ("timeseries", "TimeSeriesPanelCfg"),
}
"""Where the schema keeps the types of a kind of panel."""

_PLAIN: Final = """
type Plain<T> = T extends string ? `${T}`
  : T extends (infer Item)[] ? Plain<Item>[]
  : T extends object ? { [Key in keyof T]: Plain<T[Key]> }
  : T;
"""
"""A type with the values of its enumerations in their place, as JSON has them."""

_WITH_FIELDS: Final = {"table", "timeseries"}
"""Kinds of panels whose fields have settings of their own."""


@pytest.fixture
def node_modules() -> Iterator[Path]:
    """The schema and the compiler; without Node the test is skipped, or fails where SPANLEDGER_REQUIRE_NODE=1 asks."""
    if shutil.which("node") is None and os.environ.get("SPANLEDGER_REQUIRE_NODE") == "1":
        pytest.fail("node is not on the PATH")
    environments = Environments()
    yield environments.javascript("grafana_schema")
    environments.close()


def _program(read: Model) -> str:
    lines = ["import type { Dashboard } from '@grafana/schema';"]
    for kind, (folder, name) in _OPTIONS.items():
        module = f"@grafana/schema/dist/esm/raw/composable/{folder}/panelcfg/x/{name}_types.gen"
        lines.append(f"import type * as {kind} from '{module}';")
    lines += [_PLAIN, f"export const board: Dashboard = {json.dumps(read)};"]
    for panel in read["panels"]:
        kind = panel["type"]
        options = json.dumps(panel.get("options", {}))
        lines.append(f"export const o{panel['id']}: Plain<Partial<{kind}.Options>> = {options};")
        if kind in _WITH_FIELDS:
            settings = json.dumps(panel["fieldConfig"]["defaults"].get("custom", {}))
            lines.append(f"export const f{panel['id']}: Plain<Partial<{kind}.FieldConfig>> = {settings};")
    return "\n".join(lines)


_WRONG: Final = """
import type { Dashboard } from '@grafana/schema';
// @ts-expect-error A position is a number.
export const misplaced: Dashboard = {schemaVersion: 42, panels: [{type: "stat", gridPos: {x: "0", y: 0, w: 4, h: 4}}]};
// @ts-expect-error There is no such setting.
export const invented: Dashboard = {schemaVersion: 42, autoRefresh: "1m"};
"""


def test_every_board_is_one_of_the_schema(node_modules: Path, tmp_path: Path) -> None:
    """The compiler accepts every board and every panel's own settings, and tells what is wrong where something is."""
    (tmp_path / "node_modules").symlink_to(node_modules)
    for name in BOARDS:
        (tmp_path / name.replace("/", "_").replace(".json", ".ts")).write_text(_program(board(name)))
    (tmp_path / "wrong.ts").write_text(_WRONG)
    compiler = node_modules / "typescript" / "bin" / "tsc"
    settings = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022")
    compiled = subprocess.run(
        ["node", compiler, *settings, *sorted(path.name for path in tmp_path.glob("*.ts"))],  # noqa: S607 - Node is where the machine has it
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMPILE_SECONDS,
    )
    assert compiled.returncode == 0, compiled.stdout

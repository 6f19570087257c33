"""Grafana's own code widens every series of the boards: the one step of its backend that can be had as a library."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tests.clients.go_programs import go_program
from tests.grafana.files import panels, unchosen
from tests.grafana.infinity_plugin import Frame, query, series

if TYPE_CHECKING:
    import httpx

    from tests.grafana.infinity_plugin import Cell, TimeRange

_SERIES = [panel for panel in panels("api/") if panel.target["format"] == "timeseries"]


def _plain(cell: Cell) -> str | float | None:
    if isinstance(cell, datetime):
        return cell.isoformat()
    return float(cell) if isinstance(cell, Decimal) else cell


def _columns(frame: Frame) -> list[dict[str, object]]:
    return [
        {"name": name, "kind": frame.kinds[name], "values": [_plain(cell) for cell in cells]}
        for name, cells in frame.columns.items()
    ]


def _widened(frames: dict[str, Frame]) -> subprocess.CompletedProcess[str]:
    asked = [{"name": name, "columns": _columns(frame)} for name, frame in frames.items()]
    program = go_program(Path(__file__).with_name("frames"))
    return subprocess.run([program], input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=60)


def test_every_series_widens(api: httpx.Client, span: TimeRange) -> None:
    """Each panel's answer becomes as many series as it has names, with a row for each moment."""
    frames = {str(panel): query(api, panel.target, unchosen(panel.board), span) for panel in _SERIES}
    assert len(frames) == len(_SERIES) > 5
    widened = _widened(frames)
    assert widened.returncode == 0, widened.stderr
    for line in widened.stdout.splitlines():
        name, count, rows = line.split("\t")
        assert int(count) == len(series(frames[name]))
        assert int(rows) == len(set(frames[name].columns["Time"]))
    assert len(widened.stdout.splitlines()) == len(frames)


def test_rows_out_of_order_do_not(api: httpx.Client, span: TimeRange) -> None:
    """An answer that did not ascend by time would stay a table, without a word in Grafana."""
    panel = _SERIES[0]
    frame = query(api, panel.target, unchosen(panel.board), span)
    turned = Frame(frame.kinds, {name: cells[::-1] for name, cells in frame.columns.items()})
    assert _widened({"turned": turned}).returncode == 1

"""The files that Grafana is provisioned with, as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from boards import queries, reports
from boards.alerts import rules_file

if TYPE_CHECKING:
    from boards.board import Board

__all__ = ["rendered"]


def rendered() -> dict[str, str]:
    """Text of each file by its path below ``grafana/``."""
    boards = {f"dashboards/{board.file}": _json(board) for board in (*reports.BOARDS, *queries.BOARDS)}
    return {**boards, "provisioning/alerting/spanledger.yaml": rules_file()}


def _json(board: Board) -> str:
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"

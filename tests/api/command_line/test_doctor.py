"""The doctor finds what was set aside and sends it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from spanledger_api.command_line import main
from spanledger_collector.quarantine import Quarantine
from tests.collector.conftest import RunningCollector, collector
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["collector"]


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["doctor", *arguments])
    code = left.value.code
    assert isinstance(code, int)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_healthy_directory_passes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing set aside and room on the disk: exit 0."""
    code, out, _ = _run(capsys, "--dsn", f"chdb://{tmp_path}", "--json")

    assert code == 0
    assert json.loads(out)["quarantined"] == []


def test_a_missing_ledger_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A directory that is not there is an error that says so, not a healthy ledger."""
    code, _, err = _run(capsys, "--dsn", f"chdb://{tmp_path}/absent")

    assert code == 1
    assert "absent" in err


def test_what_was_set_aside_is_listed_and_sent_again(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    collector: RunningCollector,
) -> None:
    """A request in quarantine is shown with its reason; after --redrive it is in the ledger and no longer set aside."""
    quarantine = Quarantine(tmp_path / "quarantine")
    quarantine.add(request_of(paid("0.7")).SerializeToString(), reason="the engine was too old")
    quarantine.add(b"\x0a\x7fjunk", reason="junk")

    code, out, _ = _run(capsys, "--dsn", f"chdb://{tmp_path}")
    assert code == 1
    assert "the engine was too old" in out

    code, _, err = _run(capsys, "--dsn", f"chdb://{tmp_path}", "--redrive", "--collector", collector.url)
    collector.settle()
    assert code == 1
    assert "refused with 400" in err
    assert [entry.reason for entry in quarantine.entries()] == ["junk"]
    [row] = collector.ledger.query("SELECT toString(sum(total_cost)) AS total FROM cost_records")
    assert row == {"total": "0.7"}


def test_a_collector_that_does_not_answer_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a collector nothing is lost, and the message says what to start."""
    quarantine = Quarantine(tmp_path / "quarantine")
    quarantine.add(b"", reason="kept")

    code, _, err = _run(capsys, "--dsn", f"chdb://{tmp_path}", "--redrive", "--collector", "http://127.0.0.1:9")

    assert code == 1
    assert "does not answer" in err
    assert len(quarantine.entries()) == 1

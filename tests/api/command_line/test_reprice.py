"""``spanledger reprice`` from the preview to the undo, on a ledger of its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spanledger import environment
from spanledger_api.command_line.reprice import command
from tests.clickhouse.repricing.conftest import NEW_PRICES, arrive, chat, records, transcription

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from spanledger_clickhouse.ledger import Ledger

_WINDOW = ("--from", "2026-11-01", "--to", "2026-12-01T00:00:00Z")


@pytest.fixture
def prices(tmp_path: Path) -> str:
    """A file of new prices."""
    file = tmp_path / "prices.toml"
    file.write_text(NEW_PRICES)
    return str(file)


@pytest.fixture
def run(ledger: Ledger, prices: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command over the emptied ledger, which this process holds already."""

    class _Borrowed:
        def __enter__(self) -> Ledger:
            return ledger

        def __exit__(self, *_: object) -> None: ...

    def opened(dsn: str) -> _Borrowed:
        del dsn
        return _Borrowed()

    monkeypatch.setattr("spanledger_clickhouse.ledger.open_ledger", opened)
    arrive(ledger, 1, chat())
    arrive(ledger, 2, transcription())

    def invoke(*arguments: str, answer: str | None = None) -> Result:
        return CliRunner(env={environment.PRICES: prices}).invoke(command, arguments, input=answer)

    return invoke


def _totals(ledger: Ledger) -> list[Decimal]:
    return [Decimal(str(row["total_cost"])) for row in records(ledger)]


def test_from_preview_to_undo(ledger: Ledger, run: Callable[..., Result]) -> None:
    """A dry run writes nothing, --yes writes, list and show tell of it, and --undo restores the amounts."""
    dry = run(*_WINDOW, "--dry-run", "--json")
    assert json.loads(dry.stdout)["batch"] is None
    assert json.loads(dry.stdout)["preview"]["totals"][0]["difference"] == "0.004"
    assert _totals(ledger) == [Decimal("0.06"), Decimal("0.009")]

    done = json.loads(run(*_WINDOW, "--yes", "--json", "--reason", "contract").stdout)["batch"]
    assert (done["state"], done["adjustments"], done["difference"]) == ("applied", 2, {"USD": "0.004"})
    assert _totals(ledger) == [Decimal("0.046"), Decimal("0.027")]

    assert done["batch_id"] in run("list", "--dsn", "chdb://elsewhere").stdout
    shown = json.loads(run("show", done["batch_id"], "--json").stdout)
    assert [row["difference"] for row in shown["records"]] == ["0.018", "-0.014"]
    assert run("show", done["batch_id"]).exit_code == 0

    undone = run("--undo", done["batch_id"], "--yes")
    assert "takes it back" in undone.stderr
    assert _totals(ledger) == [Decimal("0.06"), Decimal("0.009")]
    noted = ledger.query("SELECT actor, action, subject, detail FROM audit_log ORDER BY recorded_at")
    assert [(row["actor"], row["action"]) for row in noted] == [
        ("cli", "history.repriced"),
        ("cli", "history.restored"),
    ]
    assert noted[0]["subject"] == done["batch_id"]
    assert json.loads(str(noted[1]["detail"]))["undoes"] == done["batch_id"]


def test_a_table_breaks_the_difference_down(run: Callable[..., Result]) -> None:
    """The preview names service, user and day with before and after."""
    shown = run(*_WINDOW, "--dry-run")

    for word in ("By service", "By user", "By day", "openai", "u2", "2026-11-02", "-0.014"):
        assert word in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--from", "2026-11-01"),
        (*_WINDOW, "--undo", "x", "--yes"),
        ("--from", "2026-11-01", "--to", "2026-11-01", "--yes"),
        ("--from", "yesterday", "--to", "2026-11-01", "--yes"),
        _WINDOW,  # nobody to ask
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    """What the command line itself can see is wrong never opens the ledger."""
    assert CliRunner().invoke(command, arguments).exit_code == 2


def test_errors_change_nothing_and_say_the_next_step(tmp_path: Path) -> None:
    """A ledger without schema, and a DSN that is none, end with 1 and a message without a traceback."""
    for dsn, words in ((f"chdb://{tmp_path}/new", "spanledger migrate"), ("nonsense", "write chdb:///directory")):
        told = subprocess.run(
            [sys.executable, "-m", "spanledger_api", "reprice", "--dsn", dsn, *_WINDOW, "--dry-run"],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ,
        )
        assert (told.returncode, told.stdout) == (1, "")
        assert words in told.stderr
        assert "Traceback" not in told.stderr

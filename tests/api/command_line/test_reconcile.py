"""``spanledger reconcile`` prints bill and ledger side by side and writes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from spanledger_api.command_line.reconcile import command
from tests.clickhouse.repricing.conftest import arrive, chat

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from spanledger_clickhouse.ledger import Ledger


def test_each_form_of_output(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Table, JSON and CSV have the same rows; unusable columns are wrong usage, a bad bill is an error."""

    class _Borrowed:
        def __enter__(self) -> Ledger:
            return ledger

        def __exit__(self, *_: object) -> None: ...

    def opened(dsn: str) -> _Borrowed:
        del dsn
        return _Borrowed()

    monkeypatch.setattr("spanledger_clickhouse.ledger.open_ledger", opened)
    arrive(ledger, 1, chat())
    bill = tmp_path / "bill.csv"
    bill.write_text("d,a,s\n2026-11-02,0.08,Chat\n")
    words = ["--invoice", str(bill), "--columns", "date=d,amount=a,service=s", "--services", "Chat=openai"]

    printed = json.loads(CliRunner().invoke(command, [*words, "--json"]).stdout)
    sheet = CliRunner().invoke(command, [*words, "--csv"]).stdout
    table = CliRunner().invoke(command, words)

    assert printed["rows"][0]["residual"] == "0.02"
    assert sheet.splitlines()[1] == "openai,2026-11-02,0.08,0.06,0.02,25,1,0"
    assert "0.02" in table.stdout
    assert "residual 0.02" in table.stderr
    assert CliRunner().invoke(command, ["--invoice", str(bill), "--columns", "when=d"]).exit_code == 2
    assert CliRunner().invoke(command, ["--invoice", str(bill)]).exception is not None

"""``spanledger prices history`` tells by which rows the records were charged, before and after a re-pricing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from spanledger.pricing import Calculator, PriceBook
from spanledger_api.command_line.prices import command
from spanledger_clickhouse.repricing import Repricer, Scope
from tests.clickhouse.repricing.conftest import EVERYTHING, NEW_PRICES, START, arrive, chat, transcription

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from spanledger_clickhouse.ledger import Ledger


def test_rows_have_their_days(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row that was used shows from when to when, at what unit cost, and how many records it charges now."""

    class _Borrowed:
        def __enter__(self) -> Ledger:
            return ledger

        def __exit__(self, *_: object) -> None: ...

    def opened(dsn: str) -> _Borrowed:
        del dsn
        return _Borrowed()

    monkeypatch.setattr("spanledger_clickhouse.ledger.open_ledger", opened)
    file = tmp_path / "prices.toml"
    file.write_text(NEW_PRICES)
    book = PriceBook.with_overrides(file)
    for number, days in enumerate((0, 1, 2)):
        arrive(ledger, number, chat(), day=days)
    arrive(ledger, 9, transcription())
    repricer = Repricer(ledger, book, Calculator(book))
    late = Scope(START + 2 * 86_400 * 10**9, EVERYTHING.end)
    repricer.reprice(late, repricer.preview(late), reason="", by="ann")

    rows = json.loads(CliRunner().invoke(command, ["history", "gpt-4", "--json"]).stdout)

    told = [(row["price_id"], row["first_used"], row["last_used"], row["records"], row["adjusted"]) for row in rows]
    assert told == [
        ("openai/gpt-4/2023-03-14", "2026-11-02", "2026-11-03", 2, 0),
        ("own/gpt-4/2026-11-01", "2026-11-04", "2026-11-04", 1, 1),
    ]
    assert (rows[0]["unit_cost_min"], rows[0]["source"], rows[0]["total_cost"]) == ("0.00004", "price_book", "0.12")
    assert "whisper" in CliRunner().invoke(command, ["history", "--csv"]).stdout
    assert "whisper/whisper-1" in CliRunner().invoke(command, ["history", "whisper"]).stdout

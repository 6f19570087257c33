"""``spanledger prices``: what it prints, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest

from spanledger import environment
from spanledger.pricing import PriceBook
from spanledger_api.command_line import main

if TYPE_CHECKING:
    from pathlib import Path

ACME = """\
[[price]]
id = "acme/2026-01-01"
service = "acme"
effective_from = 2026-01-01
source = "https://example.com/prices"
shown_in = "minutes"
[price.meters]
seconds = { price = "0.10", per = "60", unit = "seconds" }
"""


class Run:
    """How ``spanledger prices …`` ended and what it printed."""

    def __init__(self, capture: pytest.CaptureFixture[str], *words: str) -> None:
        with pytest.raises(SystemExit) as end:
            main(["prices", *words])
        self.code = end.value.code
        self.out, self.err = capture.readouterr()


@pytest.mark.parametrize(
    ("words", "total"),
    [
        ("openai --model gpt-4 --input-tokens 1000 --output-tokens 500", "0.06"),
        ("openai --model gpt-3.5-turbo --input-tokens 1000 --output-tokens 500", "0.0025"),
        ("openai --model gpt-4 --input-tokens 1000 --cached-input-tokens 400", "0.03"),
        ("whisper --seconds 90", "0.009"),
        ("whisper --minutes 1.5", "0.009"),
        ("whisper --quantity 1.5 --unit minutes", "0.009"),
        ("google_video_ai --seconds 300", "0.5"),
        ("cloudflare_stream --seconds 90", "0.008"),
        ("s3 --bytes 1073741824", "0.01"),
        ("s3 --provider r2 --gigabytes 1", "0.01"),
        ("cloudfront --bytes 10737418240", "0.85"),
        ("cloudfront --gigabytes 10 --at 2020-02-29", "0.85"),
    ],
)
def test_quote_states_the_total_as_a_plain_decimal(capsys: pytest.CaptureFixture[str], words: str, total: str) -> None:
    """The total of each example is exact and has no trailing zeros."""
    run = Run(capsys, "quote", *words.split(), "--json")

    assert (run.code, run.err) == (0, "")
    assert json.loads(run.out)["total_cost"] == total


def test_quote_as_json_has_every_field_of_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    """Names, order and text form of the fields are fixed; what does not apply is null."""
    run = Run(capsys, "quote", "cloudflare_stream", "--seconds", "90", "--json")

    assert run.out == (
        '{"service": "cloudflare_stream", "model": null, "quantity": "90", "unit": "seconds", '
        '"unit_cost": "0.000088888888888889", "total_cost": "0.008", "currency": "USD", "source": "price_book", '
        '"price_id": "cloudflare_stream/2018-06-01", "reason": null}\n'
    )


def test_quote_in_words_says_what_and_by_which_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json one line says quantity, total, source and price id."""
    run = Run(capsys, "quote", "whisper", "--seconds", "90")

    assert run.out == "1.5 minutes cost 0.009 USD (price_book, whisper/whisper-1/2023-03-01)\n"


def test_quote_of_an_unknown_model_warns_of_the_fallback(capsys: pytest.CaptureFixture[str]) -> None:
    """A fallback is an answer, with a note on stderr."""
    run = Run(capsys, "quote", "openai", "--model", "no-such-model", "--input-tokens", "1000", "--json")

    assert (run.code, json.loads(run.out)["source"]) == (0, "fallback")
    assert "no-such-model" in run.err


def test_quote_of_what_nothing_prices_fails_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, the reason with the known services on stderr, and JSON with a null total."""
    run = Run(capsys, "quote", "acme", "--seconds", "3", "--json")
    answer = json.loads(run.out)

    assert (run.code, answer["total_cost"], answer["source"]) == (1, None, "unpriced")
    assert answer["reason"] in run.err
    assert "cloudflare_stream, cloudfront, google_video_ai, openai, s3, whisper" in run.err


@pytest.mark.parametrize(
    "words",
    [
        "quote whisper",
        "quote whisper --seconds -1",
        "quote whisper --seconds many",
        "quote whisper --seconds NaN",
        "quote whisper --seconds 1 --minutes 1",
        "quote whisper --quantity 1",
        "quote whisper --unit minutes",
        "quote whisper --seconds 1 --quantity 1 --unit minutes",
        "quote whisper --seconds 1 --at yesterday",
        "list --json --csv",
        "list --at 2026-13-01",
        "nonsense",
    ],
)
def test_wrong_options_are_a_usage_error(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Exit 2, nothing on stdout, and help on stderr."""
    run = Run(capsys, *words.split())

    assert (run.code, run.out) == (2, "")
    assert "Usage: spanledger prices" in run.err


def test_list_prints_the_rows_that_hold_on_the_day(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and CSV hold one line a meter; a row that begins later is not among them."""
    today = json.loads(Run(capsys, "list", "--json").out)
    past = list(csv.DictReader(io.StringIO(Run(capsys, "list", "--csv", "--at", "2015-01-01").out)))

    assert {(row["service"], row["model"], row["meter"], row["price"], row["per"]) for row in today} >= {
        ("openai", "gpt-4", "output_tokens", "0.06", "1000"),
        ("cloudflare_stream", None, "seconds", "0.004", "45"),
    }
    assert [row["price_id"] for row in past] == ["cloudfront/2014-12-01", "s3/2006-03-14"]


def test_list_is_a_table_for_people_and_lines_with_tabs_without_rich(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's install has no rich; the same rows come as tab-separated lines."""
    table = Run(capsys, "list").out
    monkeypatch.setitem(sys.modules, "rich.console", None)
    lines = Run(capsys, "list").out.splitlines()

    assert "whisper/whisper-1/2023-03-01" in table
    assert lines[0].split("\t")[:3] == ["service", "model", "provider"]
    assert lines[-1].split("\t")[:4] == ["whisper", "whisper-1", "-", "seconds"]


@pytest.mark.parametrize("name", ["whisper", "Whisper-1", "whisper/whisper-1/2023-03-01"])
def test_show_finds_rows_by_service_model_or_id_with_their_source(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Each row comes with the address that its price can be read at."""
    (row,) = json.loads(Run(capsys, "show", name, "--json").out)

    assert (row["price_id"], row["effective_from"]) == ("whisper/whisper-1/2023-03-01", "2023-03-01")
    assert row["source"].startswith("https://openai.com/")


def test_show_of_an_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 with the services and models of the book."""
    run = Run(capsys, "show", "acme")

    assert (run.code, run.out) == (1, "")
    assert "whisper" in run.err
    assert "gpt-3.5-turbo" in run.err


def test_check_counts_the_rows_and_fails_at_a_bad_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A valid file adds its rows to the count; a bad one ends with exit 1, file, line, row and field."""
    own = tmp_path / "own.toml"
    own.write_text(ACME)
    built_in, both = Run(capsys, "check"), Run(capsys, "check", str(own), "--json")
    own.write_text(ACME.replace("https:", "file:"))
    bad = Run(capsys, "check", str(own))

    rows = PriceBook.built_in().rows()
    newest = max(row.effective_from for row in rows)
    assert (built_in.code, built_in.out) == (0, f"{len(rows)} price rows are valid; the newest is of {newest}\n")
    assert json.loads(both.out) == {"rows": len(rows) + 1, "newest": str(max(newest, date(2026, 1, 1)))}
    assert (bad.code, bad.out) == (1, "")
    assert f"{own}:1: price row acme/2026-01-01: source must be" in bad.err


def test_own_rows_of_the_environment_apply(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file that SPANLEDGER_PRICES names is quoted from, listed and shown like the built-in book."""
    own = tmp_path / "own.toml"
    own.write_text(ACME)
    monkeypatch.setenv(environment.PRICES, str(own))

    assert json.loads(Run(capsys, "quote", "acme", "--minutes", "3", "--json").out)["total_cost"] == "0.3"
    assert len(json.loads(Run(capsys, "show", "acme", "--json").out)) == 1

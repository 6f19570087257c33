"""The price book: rows read, checked and chosen by day."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from spanledger import environment
from spanledger.exceptions import PriceBookError
from spanledger.pricing import PriceBook

if TYPE_CHECKING:
    from pathlib import Path

ROW = """\
# own prices

[[price]]
id = "acme/2026-01-01"
service = "acme"
effective_from = 2026-01-01
source = "https://example.com/prices"
shown_in = "minutes"
[price.meters]
seconds = { price = "0.10", per = "60", unit = "seconds" }
"""
LATER = ROW.replace("2026-01-01", "2026-07-01").replace("0.10", "0.20")
METER_LINE = 'seconds = { price = "0.10", per = "60", unit = "seconds" }'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Where an own price file goes."""
    return tmp_path / "own.toml"


def test_the_last_row_on_or_before_the_day_holds(own: Path) -> None:
    """A new row takes over on its day and leaves every day before it alone."""
    own.write_text(LATER + ROW)
    book = PriceBook.with_overrides(own)
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1), date(2030, 1, 1)]
    rows = [book.lookup("ACME", None, None, day) for day in days]

    assert [row.price_id if row else None for row in rows] == [
        None,
        *["acme/2026-01-01"] * 2,
        *["acme/2026-07-01"] * 2,
    ]
    assert book.first_day("acme", None, None) == days[1]
    assert book.first_built_in_day("acme", None, None) is None


def test_an_own_row_goes_before_a_built_in_one_from_its_day_on(own: Path) -> None:
    """Own rows are consulted first; before their first day the built-in row still holds."""
    own.write_text(ROW.replace("acme", "whisper"))
    book = PriceBook.with_overrides(own)
    rows = [book.lookup("whisper", "whisper-1", None, date(year, 6, 1)) for year in (2025, 2026)]

    assert [row.price_id if row else None for row in rows] == ["whisper/whisper-1/2023-03-01", "whisper/2026-01-01"]
    assert len(book.rows("whisper")) == 2


def test_the_environment_names_the_own_file(own: Path) -> None:
    """SPANLEDGER_PRICES adds rows; without it, or with an empty one, the built-in book is meant."""
    own.write_text(ROW)

    assert PriceBook.from_environment({environment.PRICES: str(own)}).rows("acme")
    assert PriceBook.from_environment({}) is PriceBook.built_in()
    assert PriceBook.from_environment({environment.PRICES: ""}) is PriceBook.built_in()


def test_every_built_in_row_is_dated_sourced_and_named_after_what_it_prices() -> None:
    """A price id tells service, model or provider, and day, and no two rows share one."""
    rows = PriceBook.built_in().rows()

    assert len({row.price_id for row in rows}) == len(rows) == 13
    for row in rows:
        parts = (row.service, row.provider, row.model, str(row.effective_from))
        assert row.price_id == "/".join(part for part in parts if part)
        assert row.source.startswith("https://")


def test_built_in_rows_are_only_ever_added() -> None:
    """The rows as published: a price that changes is a new row, so a failure here means that history was edited."""
    published = {
        "cloudflare_stream/2018-06-01": "seconds 0.004/45 seconds",
        "cloudfront/2014-12-01": "bytes 0.085/1073741824 bytes",
        "google_video_ai/2017-12-01": "seconds 0.10/60 seconds",
        "openai/gpt-3.5-turbo/2023-06-13": "input_tokens 0.0015/1000 tokens, output_tokens 0.002/1000 tokens",
        "openai/gpt-4/2023-03-14": "input_tokens 0.03/1000 tokens, output_tokens 0.06/1000 tokens",
        "openai/gpt-4o-audio-preview/2024-12-17": (
            "input_tokens 2.5/1000000 tokens, audio_input_tokens 40/1000000 tokens, "
            "output_tokens 10/1000000 tokens, audio_output_tokens 80/1000000 tokens"
        ),
        "s3/2006-03-14": "bytes 0.01/1073741824 bytes",
        "s3/r2/2022-09-21": "bytes 0.01/1073741824 bytes",
        "whisper/whisper-1/2023-03-01": "seconds 0.006/60 seconds",
    }
    rows = {
        row.price_id: ", ".join(
            f"{meter} {rate.price}/{rate.per} {rate.unit.name}" for meter, rate in row.rates.items()
        )
        for row in PriceBook.built_in().rows()
    }

    assert rows.items() >= published.items()


@pytest.mark.parametrize(
    ("line", "replacement", "complaint"),
    [
        ("effective_from = 2026-01-01\n", "", "effective_from is missing"),
        ("effective_from = 2026-01-01", 'effective_from = "2026-01-01"', "effective_from must be a date"),
        ("effective_from = 2026-01-01", "effective_from = 2026-01-01T00:00:00Z", "effective_from must be a date"),
        ('source = "https://example.com/prices"\n', "", "source is missing"),
        ("https://example.com/prices", "ftp://example.com", "source must be an http or https address"),
        ("https://example.com/prices", "https://", "source must be an http or https address"),
        ('"0.10"', '"-0.10"', "meters.seconds.price must be 0 or between"),
        ('"0.10"', '"NaN"', "meters.seconds.price must be 0 or between"),
        ('"0.10"', '"Infinity"', "meters.seconds.price must be 0 or between"),
        ('"0.10"', '"ten"', "meters.seconds.price must be a decimal number in a string"),
        ('"0.10"', "0.10", "meters.seconds.price must be a string"),
        ('"60"', '"0"', "meters.seconds.per must be above 0"),
        ('"60"', '"-1"', "meters.seconds.per must be 0 or between"),
        ('per = "60", ', "", "meters.seconds.per is missing"),
        ('unit = "seconds"', 'unit = "moons"', "meters.seconds.unit is the unknown unit 'moons'"),
        ('unit = "seconds"', 'unit = "GB"', "meters.seconds.unit must count seconds, not GB"),
        ("seconds = {", "moons = {", "meters.moons is no meter"),
        (METER_LINE, "", "meters must be a table with at least one meter"),
        (METER_LINE, "seconds = 3", "meters.seconds must be a table of price, per and unit"),
        ('"minutes"', '"tokens"', "shown_in is tokens, which no meter of the row counts in"),
        ('service = "acme"', 'service = "Acme"', "service must be in lower case"),
        ('service = "acme"', 'service = " "', "service must be a string"),
        ('service = "acme"', 'service = "acme"\nregion = "eu"', "region is no field"),
        ('service = "acme"', 'service = "acme"\ncurrency = "usd"', "currency must be an ISO 4217 code"),
        ('service = "acme"', 'service = "acme"\ndefault = 1', "default must be true or false"),
        ('service = "acme"', 'service = "acme"\nfallback = true', "fallback needs a model"),
        ('"acme/2026-01-01"', '"acme"', "id must end in /2026-01-01"),
    ],
)
def test_a_bad_field_is_refused_by_file_line_row_and_name(
    own: Path, line: str, replacement: str, complaint: str
) -> None:
    """Whoever mends the file reads where to look and what is expected."""
    own.write_text(ROW.replace(line, replacement, 1))
    row_id = "acme" if line == '"acme/2026-01-01"' else "acme/2026-01-01"

    with pytest.raises(PriceBookError, match=re.escape(f"{own}:3: price row {row_id}: {complaint}")):
        PriceBook.with_overrides(own)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ROW + ROW, "price row acme/2026-01-01: id stands twice"),
        (ROW + ROW.replace("acme/", "acme/again/"), "effective_from 2026-01-01 is that of acme/"),
        (
            ROW.replace("acme/2026-01-01", "s3/2006-03-14").replace("= 2026-01-01", "= 2006-03-14"),
            "taken by a built-in",
        ),
        ("[[price]\n", "line 1"),
        ("", "holds [[price]] tables and nothing else"),
        (ROW + "\n[other]\n", "holds [[price]] tables and nothing else"),
        ("price = [1]", "price row without id: price must be a table"),
    ],
)
def test_rows_that_contradict_each_other_or_are_no_rows_are_refused(own: Path, text: str, complaint: str) -> None:
    """An id means one price, a day has one price, and a file holds nothing but rows; the message names the file."""
    own.write_text(text)

    with pytest.raises(PriceBookError, match=re.escape(complaint)) as refusal:
        PriceBook.with_overrides(own)
    assert str(own) in str(refusal.value)


def test_a_file_or_folder_that_holds_no_rows_is_refused(tmp_path: Path) -> None:
    """A missing file and an empty folder are errors, not empty books."""
    with pytest.raises(PriceBookError, match=r"nowhere\.toml"):
        PriceBook.with_overrides(tmp_path / "nowhere.toml")
    with pytest.raises(PriceBookError, match="there is no price file"):
        PriceBook.from_folder(tmp_path)
